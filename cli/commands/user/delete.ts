import { Command } from 'commander'
import { deleteUser } from '../../../src/app/operations/users'
import { systemRuntime } from '../../../src/app/runtime'
import { backupKeys } from '../../../src/config/settings'
import { loadCommandSettings, withConfigOptions } from '../../config-options'
import { confirm, info, out } from '../../terminal'
import { linesOf } from './list'

export function deleteCommand(): Command {
  const command = new Command('delete')
    .description('delete an account with its whole vault, after an archive of everything')
    .argument('<user>', 'email or id')
    .option('--yes', 'do not ask')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey', ...backupKeys])
    .addHelpText(
      'after',
      `
Prints what goes, and asks. Before anything is deleted an archive of the whole server is written
and proven; its path is printed. \`snailpass user disable\` keeps an account out and its vault here.

Example:
  snailpass user delete you@example.org`,
    )
    .action(async (name: string, options: { yes?: true }) => {
      const backup = await deleteUser(
        loadCommandSettings(command),
        systemRuntime,
        name,
        async (user) => {
          for (const line of linesOf(user)) info(line)
          if (options.yes === true) return
          await confirm('This deletes the account and everything in its vault.', user.email)
        },
      )
      info('The account is deleted. Everything as it was is in this archive:')
      out(backup)
    })
}
