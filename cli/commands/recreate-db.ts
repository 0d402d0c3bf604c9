import { Command } from 'commander'
import { realWorld, recreate } from '../../src/app'
import { configOf, withConfigOptions } from '../config-options'
import { confirm, print, tell } from '../terminal'

export function recreateDbCommand(): Command {
  const command = new Command('recreate-db')
    .description('empty the database for a new start, after a safety copy')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Deletes every account with everything in its vault. A copy of the database as it was
stays in the data folder; its path is printed. Refused while a server runs on the folder.

Example:
  snailpass recreate-db --data-dir /srv/snailpass --yes`,
    )
    .action(async (options: { yes?: true }) => {
      const { settings, warnings } = configOf(command)
      for (const warning of warnings) tell(`warning: ${warning}`)
      const safetyCopy = await recreate(settings, realWorld, async () => {
        if (options.yes === true) return
        await confirm(
          `This deletes every account and every vault in ${settings.dataDir}.`,
          'recreate',
        )
      })
      tell('The database is empty. What it held is in this safety copy:')
      print(safetyCopy)
    })
  return withConfigOptions(command, ['dataDir'])
}
