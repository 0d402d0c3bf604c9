import { readBitwardenJson } from './bitwarden-json'
import { recognizeCsv, suggestTarget } from './csv-formats'
import { readColumns, readRows } from './csv-rows'
import { type CsvTable, parseCsvTable } from './csv-table'
import { decodeFile } from './file-text'
import type { ColumnTarget, ImportProblem, ImportSource } from './items'
import { objectOf } from './json'

/**
 * Reads a file of a known format. For a table of no known program, `targets` says what each column is: one for each column, in
 * their order.
 */
export function readImportFile(
  bytes: Uint8Array,
  targets?: readonly ColumnTarget[],
): ImportSource | ImportProblem {
  const text = decodeFile(bytes)
  if (text === null) return { problem: 'encoding' }
  if (text.trim() === '') return { problem: 'empty' }
  if (/^\s*[{[]/.test(text)) {
    const file = parseJson(text)
    // A table may begin with a bracket, too.
    if (file !== undefined) return readJson(file)
  }
  const table = parseCsvTable(text)
  return table === null ? { problem: 'empty' } : readTable(table, targets)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function readJson(value: unknown): ImportSource | ImportProblem {
  const file = objectOf(value)
  if (file === null) return { problem: 'unknown-json' }
  if (file['encrypted'] === true) return { problem: 'encrypted' }
  const rows = readBitwardenJson(file)
  if (rows === null) return { problem: 'unknown-json' }
  return { format: 'snailpass' in file ? 'snailpass' : 'bitwarden-json', rows, columns: [] }
}

function readTable(
  table: CsvTable,
  targets: readonly ColumnTarget[] | undefined,
): ImportSource | ImportProblem {
  if (targets !== undefined) {
    const columns = readColumns(table, suggestTarget).map((column, at) => ({
      ...column,
      target: targets[at] ?? 'field',
    }))
    return { format: 'generic', columns, rows: readRows('generic', table, columns) }
  }
  const found = recognizeCsv(table.header)
  if (found === null)
    return { problem: 'unknown-table', suggested: readColumns(table, suggestTarget) }
  const { format } = found
  const known = new Map(Object.entries(found.targets))
  // A column that a newer version of the program has is kept as a field.
  const columns = readColumns(table, (name) => known.get(name.toLowerCase()) ?? 'field')
  return { format, columns, rows: readRows(format, table, columns) }
}
