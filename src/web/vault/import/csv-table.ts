import Papa from 'papaparse'

/** A table with a line of names. */
export interface CsvTable {
  readonly header: readonly string[]
  readonly rows: readonly CsvTableRow[]
}

export interface CsvTableRow {
  readonly cells: readonly string[]
  /** Its quotes do not match, so nobody knows where its cells end. */
  readonly isMalformed: boolean
}

/** Spreadsheets of many countries write semicolons. */
const delimiters = [',', ';', '\t']

/** Returns null for a text without any row. Empty lines are no rows. */
export function parseCsvTable(text: string): CsvTable | null {
  const { data, errors } = Papa.parse<string[]>(text, {
    delimiter: delimiterOf(text),
    skipEmptyLines: true,
  })
  const [header, ...rows] = data
  if (header === undefined) return null
  const malformed = new Set(errors.flatMap(({ type, row }) => (type === 'Quotes' ? row : [])))
  return {
    header: header.map((name) => name.trim()),
    rows: rows.flatMap((cells, at) => {
      const isMalformed = malformed.has(at + 1)
      return isMalformed || cells.some((cell) => cell.trim() !== '') ? [{ cells, isMalformed }] : []
    }),
  }
}

/** Returns the delimiter of the first line, which has names alone. */
function delimiterOf(text: string): string {
  const line = /^.*/.exec(text.replaceAll(/"[^"]*"/g, ''))?.[0] ?? ''
  const count = (delimiter: string) => line.split(delimiter).length
  return delimiters.toSorted((a, b) => count(b) - count(a))[0] ?? ','
}
