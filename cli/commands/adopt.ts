import { Command } from 'commander'
import { adoptDatabase } from '../../src/app/operations/adopt'
import { databaseAt, placesOf, type Targets } from '../../src/app/targets'
import type { DatabaseLocation } from '../../src/config/database-url'
import { parsePath } from '../../src/config/paths'
import { namingSetting } from '../../src/config/values'
import { DomainError } from '../../src/domain/errors'
import { reportAdoption } from '../adoption-report'
import { openCommandTargets, parseDatabaseUrlArgument, withConfigOptions } from '../config-options'
import { createProgressLine, info } from '../terminal'

export function adoptCommand(): Command {
  const command = new Command('adopt')
    .description('migrate a database of the original server in place')
    .argument('[file]', 'its SQLite file, or its URL (default: the database of the settings)')
    .option('--dry-run', 'only print what would be migrated')
    .option(
      '--keep <id>',
      'if several accounts have the same email: id of the one that keeps it; may be repeated',
      (id: string, previous: readonly string[] = []) => [...previous, id],
    )
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Stop the original server first. Its users keep their vaults and sign in as
before. Rows without an owner are moved to the table set_aside and counted. On
Postgres the migration is a single transaction; a SQLite file is backed up
first, into the data folder.

Examples:
  snailpass adopt /srv/original/app.db --dry-run
  SNAILPASS_DATABASE_URL=postgresql://snailpass@db/snailpass snailpass adopt`,
    )
    .action(async (file: string | undefined, options: { dryRun?: true; keep?: string[] }) => {
      const { dryRun = false, keep = [] } = options
      const targets = targetsOf(command, file)
      const { name } = targets.database
      const progress = createProgressLine()
      const result = await adoptDatabase(targets, {
        keep,
        dryRun,
        isNamed: file !== undefined,
        onProgress: progress.update,
      }).finally(progress.end)
      if (result === 'nothing') throw noDatabaseError(name)
      if (result === 'ours')
        info(`Nothing to do: ${name} is a database of this server, not of the original one.`)
      else
        reportAdoption(result, {
          isDryRun: dryRun,
          named: file === undefined ? null : targets.location,
        })
    })
}

/** Returns the targets of the settings, with the database that the argument names. */
function targetsOf(command: Command, file: string | undefined): Targets {
  if (file === undefined) return openCommandTargets(command)
  const location = parseLocation(file)
  const targets = openCommandTargets(command, placesOf(location))
  return { ...targets, location, database: databaseAt(location, targets.folder, targets.runtime) }
}

function parseLocation(text: string): DatabaseLocation {
  // A single character before the colon is a drive of Windows.
  if (/^\w[\w+]+:/.test(text)) return parseDatabaseUrlArgument('<file>', text)
  return { engine: 'sqlite', path: namingSetting('<file>', () => parsePath('file', text)) }
}

function noDatabaseError(name: string): DomainError {
  return new DomainError(
    'not_found',
    `no database of the original server: ${name} is empty or missing`,
    {
      hint: 'name its SQLite file: snailpass adopt FILE; or set SNAILPASS_DATABASE_URL to its URL',
    },
  )
}
