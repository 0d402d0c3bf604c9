import type { AdoptionReport } from '../src/app/operations'
import { print, tell } from './terminal'

/** Prints what became of an original database, table by table, or what would. */
export function tellAdoption(report: AdoptionReport, isDryRun: boolean): void {
  for (const line of adoptionLines(report)) print(line)
  if (isDryRun) tell('Nothing was changed. Run it without --dry-run to take it over.')
  else tell('The database is taken over: start `snailpass serve` on it.')
  if (report.safetyCopy !== null) tell(`The file as it was: ${report.safetyCopy}`)
}

/** One line for each table, and one for the emails. */
export function adoptionLines(report: AdoptionReport): readonly string[] {
  const lines = report.tables.map(({ table, takenOver, setAside, nullFlags }) => {
    const parts = [`${takenOver} taken over`]
    for (const [reason, rows] of Object.entries(setAside))
      parts.push(`${rows} set aside: ${reason}`)
    if (nullFlags > 0) parts.push(`${nullFlags} with empty flags, which are "no" now`)
    return `${table.padEnd(18)}${parts.join('; ')}`
  })
  if (report.lowerCasedEmails === 0) return lines
  return [...lines, `${'emails'.padEnd(18)}${report.lowerCasedEmails} written in lower case now`]
}
