import { Command } from 'commander'
import { recreateDatabase } from '../../src/app/operations/recreate'
import { openCommandTargets, withConfigOptions } from '../config-options'
import { confirm } from '../prompts'
import { info, out } from '../terminal'

export function recreateDbCommand(): Command {
  const command = new Command('recreate-db')
    .description('delete all data (after a backup), or create a missing database')
    .option('--yes', 'do not ask for confirmation')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Deletes every account with everything in its vault. A backup of the database
stays in the data folder; its path is printed. In a Postgres database only
SnailPass's own tables are emptied, and the backup is a SQLite file. The audit
log starts again and records this. Fails while a server runs on the database. If
there is no database, a new, empty one is created: snailpass serve does not do
that in a data folder that has had one.

Example:
  snailpass recreate-db --data-dir /srv/snailpass --yes`,
    )
    .action(async (options: { yes?: true }) => {
      const backupPath = await recreateDatabase(
        openCommandTargets(command),
        async ({ name, isMissing }) => {
          if (options.yes === true) return
          const effect = isMissing
            ? `There is no database at ${name}. This creates a new, empty one.`
            : `This deletes every account and every vault in ${name}.`
          await confirm(effect)
        },
      )
      if (backupPath === null) {
        info('There was no database: a new, empty one was created.')
        return
      }
      info('All data is deleted. Backup of the previous data:')
      out(backupPath)
    })
}
