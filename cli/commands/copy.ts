import { Command } from 'commander'
import { copyDatabase } from '../../src/app/operations/copy'
import { systemRuntime } from '../../src/app/runtime'
import { loadCommandSettings, parseDatabaseUrlArgument, withConfigOptions } from '../config-options'
import { createProgressLine, info, out } from '../terminal'

export function copyCommand(): Command {
  const command = new Command('copy')
    .description('copy everything from one database into another, empty one')
    .argument('<from-url>', 'database to read; a server may run on it')
    .argument('<to-url>', 'empty database to fill; a SQLite file is made')
  return withConfigOptions(command, ['dataDir'])
    .addHelpText(
      'after',
      `
URLs are those of SNAILPASS_DATABASE_URL. Others can see arguments: leave the password of a
Postgres user out, and put it into PGPASSWORD or ~/.pgpass. What was copied is read again and
compared by a checksum of each table. What is written to the source meanwhile is not copied,
so stop its server first if you mean to move. The secret key is not in a database: give the
new one's servers the same secret.key, and everybody stays signed in.

Example:
  snailpass copy sqlite:/srv/snailpass/snailpass.db postgres://snailpass@db/snailpass`,
    )
    .action(async (from: string, to: string) => {
      const locations = {
        from: parseDatabaseUrlArgument('<from-url>', from),
        to: parseDatabaseUrlArgument('<to-url>', to),
      }
      const progress = createProgressLine()
      const checksums = await copyDatabase(
        loadCommandSettings(command),
        systemRuntime,
        locations,
        (step) => (table, rows) => {
          progress.update(`${table}: ${rows} rows ${step}`)
        },
      ).finally(progress.end)
      for (const { table, rows, sha256 } of checksums) {
        out(`${table.padEnd(18)}${String(rows).padStart(9)}  ${sha256}`)
      }
      info('Copied, read again and found equal.')
    })
}
