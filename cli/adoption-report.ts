import type { AdoptionReport } from '../src/app/operations/adopt'
import type { DatabaseLocation } from '../src/config/database-url'
import { nounOf } from './contents'
import { formatFields } from './format'
import { info, out } from './terminal'

/** Prints the result of a migration of an original database, or of its dry run. */
export function reportAdoption(
  report: AdoptionReport,
  /** `named` is the database that an argument named; null if a setting did. */
  { isDryRun, named }: { isDryRun: boolean; named: DatabaseLocation | null },
): void {
  for (const line of formatAdoption(report)) out(line)
  const setting =
    named?.engine === 'sqlite' ? ` with SNAILPASS_DATABASE_URL=sqlite:${named.path}` : ''
  if (isDryRun) info('Nothing was changed. Run it without --dry-run to migrate.')
  else info(`The database is migrated: start \`snailpass serve\`${setting}.`)
  if (report.backupPath !== null) info(`Backup of the original file: ${report.backupPath}`)
}

/** Returns one line for each kind of row, and one for the emails. */
export function formatAdoption(report: AdoptionReport): readonly string[] {
  const fields = report.tables.map(({ table, adoptedRows, setAside, nullFlags }) => {
    const parts = [`${adoptedRows} migrated`]
    for (const [reason, rows] of Object.entries(setAside))
      parts.push(`${rows} kept aside: ${reason}`)
    if (nullFlags > 0) parts.push(`${nullFlags} with empty flags, now "no"`)
    return [nounOf(table), parts.join('; ')] as const
  })
  const { lowerCasedEmails } = report
  if (lowerCasedEmails === 0) return formatFields(fields)
  return formatFields([...fields, ['emails', `${lowerCasedEmails} converted to lower case`]])
}
