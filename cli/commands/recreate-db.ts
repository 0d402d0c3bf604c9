import { Command } from 'commander'
import { recreateDatabase } from '../../src/app/operations/recreate'
import { systemRuntime } from '../../src/app/runtime'
import { loadCommandSettings, withConfigOptions } from '../config-options'
import { confirm, info, out } from '../terminal'

export function recreateDbCommand(): Command {
  const command = new Command('recreate-db')
    .description('empty the database for a new start, after a safety copy')
    .option('--yes', 'do not ask')
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Deletes every account with everything in its vault. A copy of the database as it was
stays in the data folder; its path is printed. Of a Postgres database, only SnailPass's
own tables are emptied, and the copy is a SQLite file. The audit trail begins anew, and tells of
it. Refused while a server runs on it.

Example:
  snailpass recreate-db --data-dir /srv/snailpass --yes`,
    )
    .action(async (options: { yes?: true }) => {
      const settings = loadCommandSettings(command)
      const safetyCopy = await recreateDatabase(settings, systemRuntime, async (name) => {
        if (options.yes === true) return
        await confirm(`This deletes every account and every vault in ${name}.`, 'recreate')
      })
      info('The database is empty. What it held is in this safety copy:')
      out(safetyCopy)
    })
}
