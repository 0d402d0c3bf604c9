import { Command } from 'commander'
import { confirmUser } from '../../src/app/users'
import { realWorld } from '../../src/app/world'
import { settingsOf, withConfigOptions } from '../config-options'
import { tell } from '../terminal'

export function userCommand(): Command {
  return new Command('user')
    .description('the accounts of this server')
    .helpCommand(false)
    .addCommand(confirmCommand())
}

function confirmCommand(): Command {
  const command = new Command('confirm')
    .description('confirm the email of an account without a letter')
    .argument('<user>', 'email or id')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Works while the server runs.

Example:
  snailpass user confirm you@example.org --data-dir /srv/snailpass`,
    )
    .action(async (user: string) => {
      const isNew = await confirmUser(settingsOf(command), realWorld, user)
      tell(isNew ? `${user} is confirmed, and can sign in.` : `${user} was confirmed before.`)
    })
}
