import { Command } from 'commander'
import { adoptDatabase } from '../../src/app/operations/adopt'
import { reportAdoption } from '../adoption-report'
import { openCommandTargets, withConfigOptions } from '../config-options'
import { createProgressLine, info } from '../terminal'

export function adoptCommand(): Command {
  const command = new Command('adopt')
    .description('migrate an original SnailPass database in place')
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
Stop the original server first. Its users keep their vaults and sign in as before. Rows
without an owner are moved to the table set_aside and counted. On Postgres the migration
is a single transaction; a SQLite file is backed up first.

Examples:
  SNAILPASS_DATABASE_URL=sqlite:/srv/original/app.db snailpass adopt --dry-run
  SNAILPASS_DATABASE_URL=postgresql://snailpass@db/snailpass snailpass adopt`,
    )
    .action(async (options: { dryRun?: true; keep?: string[] }) => {
      const { dryRun = false, keep = [] } = options
      const progress = createProgressLine()
      const report = await adoptDatabase(openCommandTargets(command), {
        keep,
        dryRun,
        onProgress: progress.update,
      }).finally(progress.end)
      if (report === null) info('Nothing to do: there is no database of the original server.')
      else reportAdoption(report, dryRun)
    })
}
