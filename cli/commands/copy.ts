import { Command } from 'commander'
import { copyDatabase } from '../../src/app/operations/copy'
import { placesOf } from '../../src/app/targets'
import { openCommandTargets, parseDatabaseUrlArgument, withConfigOptions } from '../config-options'
import { checksumColumns, formatContents } from '../contents'
import { longOption, printTable, type TableOptions } from '../print-table'
import { createProgressLine, info } from '../terminal'

export function copyCommand(): Command {
  const command = new Command('copy')
    .description('copy all data into another, empty database')
    .argument('<from-url>', 'URL of the database to read; servers may run on it')
    .argument('<to-url>', 'URL of the empty database to write; a missing SQLite file is created')
    .option(...longOption)
  return withConfigOptions(command, ['dataDir'])
    .addHelpText(
      'after',
      `
URLs are written as in SNAILPASS_DATABASE_URL. Other users of this machine can
see command-line arguments: leave out the password of a Postgres user, and put
it into PGPASSWORD or ~/.pgpass.

The copy is read back and verified by a checksum of each table. Changes to the
source during the copy are not included: to move to the new database, stop the
servers of the old one first. The secret key is not part of a database: give the
servers of the new database the same secret.key, and everyone stays signed in.

Example:
  snailpass copy sqlite:/srv/snailpass.db postgres://snailpass@db/snailpass`,
    )
    .action(async (from: string, to: string, options: TableOptions) => {
      const locations = {
        from: parseDatabaseUrlArgument('<from-url>', from),
        to: parseDatabaseUrlArgument('<to-url>', to),
      }
      const progress = createProgressLine()
      const checksums = await copyDatabase(
        openCommandTargets(command, [...placesOf(locations.from), ...placesOf(locations.to)]),
        locations,
        progress.update,
      ).finally(progress.end)
      printTable(checksumColumns, checksums, options)
      info(`Copied and verified: ${formatContents(checksums)}.`)
    })
}
