import type { AdoptionReport } from '../src/app/operations/adopt'
import { info, out } from './terminal'

/** Prints what became of an original database, table by table, or what would. */
export function reportAdoption(report: AdoptionReport, isDryRun: boolean): void {
  for (const line of formatAdoption(report)) out(line)
  if (isDryRun) info('Nothing was changed. Run it without --dry-run to take it over.')
  else info('The database is taken over: start `snailpass serve` on it.')
  if (report.backupPath !== null) info(`The file as it was: ${report.backupPath}`)
}

/** One line for each table, and one for the emails. */
export function formatAdoption(report: AdoptionReport): readonly string[] {
  const lines = report.tables.map(({ table, adoptedRows, setAside, nullFlags }) => {
    const parts = [`${adoptedRows} taken over`]
    for (const [reason, rows] of Object.entries(setAside))
      parts.push(`${rows} set aside: ${reason}`)
    if (nullFlags > 0) parts.push(`${nullFlags} with empty flags, which are "no" now`)
    return `${table.padEnd(18)}${parts.join('; ')}`
  })
  if (report.lowerCasedEmails === 0) return lines
  return [...lines, `${'emails'.padEnd(18)}${report.lowerCasedEmails} written in lower case now`]
}
