import { Command } from 'commander'
import { adoptDatabase } from '../../src/app/operations/adopt'
import { systemRuntime } from '../../src/app/runtime'
import { reportAdoption } from '../adoption-report'
import { loadCommandSettings, withConfigOptions } from '../config-options'
import { info } from '../terminal'

export function adoptCommand(): Command {
  const command = new Command('adopt')
    .description('take over a database of the original SnailPass server, in place')
    .option('--dry-run', 'only print what would become of it')
    .option(
      '--keep <id>',
      'account that keeps an email which several have; once for each such email',
      (id: string, previous: readonly string[] = []) => [...previous, id],
    )
  return withConfigOptions(command, ['dataDir', 'database'])
    .addHelpText(
      'after',
      `
Stop the original server first. Its users keep their vaults and sign in as before. Rows
that belong to nobody are set aside in a table of their own, and counted. On Postgres
everything happens in one transaction; of a SQLite file a safety copy is taken first.

Examples:
  SNAILPASS_DATABASE_URL=sqlite:/srv/original/app.db snailpass adopt --dry-run
  SNAILPASS_DATABASE_URL=postgresql://snailpass@db/snailpass snailpass adopt`,
    )
    .action(async (options: { dryRun?: true; keep?: string[] }) => {
      const { dryRun = false, keep = [] } = options
      const report = await adoptDatabase(loadCommandSettings(command), systemRuntime, {
        keep,
        dryRun,
      })
      if (report === null) info('Nothing to do: there is no database of the original server.')
      else reportAdoption(report, dryRun)
    })
}
