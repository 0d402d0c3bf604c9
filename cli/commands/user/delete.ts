import { Command } from 'commander'
import { deleteUser } from '../../../src/app/operations/users'
import { backupKeys } from '../../../src/config/settings'
import { openCommandTargets, withConfigOptions } from '../../config-options'
import { confirm } from '../../prompts'
import { info, out } from '../../terminal'
import { linesOf } from './list'

export function deleteCommand(): Command {
  const command = new Command('delete')
    .description('delete an account and its vault (after a backup of everything)')
    .argument('<user>', 'email or id')
    .option('--yes', 'do not ask for confirmation')
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey', ...backupKeys])
    .addHelpText(
      'after',
      `
Prints the account and asks for confirmation. Before the account is deleted, all
data of the server is backed up and the backup is verified; its path is printed.
To lock a user out without deleting the vault, use \`snailpass user disable\`.

Example:
  snailpass user delete you@example.org`,
    )
    .action(async (name: string, options: { yes?: true }) => {
      const backup = await deleteUser(openCommandTargets(command), name, async (user) => {
        for (const line of linesOf(user)) info(line)
        if (options.yes === true) return
        await confirm('This deletes the account and everything in its vault.')
      })
      info('Account deleted. Backup of the previous data:')
      out(backup)
    })
}
