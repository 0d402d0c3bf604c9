import { Command } from 'commander'
import { rotateKey } from '../../src/app/operations'
import { realWorld } from '../../src/app/world'
import { settingsOf, withConfigOptions } from '../config-options'
import { tell } from '../terminal'

export function keyCommand(): Command {
  return new Command('key')
    .description('the secret key that signs the session tokens')
    .helpCommand(false)
    .addCommand(rotateCommand())
    .addHelpText(
      'after',
      `
Example:
  snailpass key rotate --data-dir /srv/snailpass`,
    )
}

function rotateCommand(): Command {
  const command = new Command('rotate').description(
    'give the database a new secret key, which ends every session',
  )
  return withConfigOptions(command, ['dataDir', 'database', 'secretKey'])
    .addHelpText(
      'after',
      `
Makes a new secret.key in the data folder or, where SNAILPASS_SECRET_KEY is set, has the
database take that one. Nothing of any vault is lost: everybody signs in again. Stop every
server of the database first, and give all of them the new key.

Example:
  snailpass key rotate --data-dir /srv/snailpass`,
    )
    .action(async () => {
      const path = await rotateKey(settingsOf(command), realWorld)
      tell(
        `The database belongs to ${path ?? 'SNAILPASS_SECRET_KEY'} now; all sessions have ended.`,
      )
    })
}
