/** What a database, backup or copy contains, in words: people count accounts and records, not rows of tables. */
import { formatCount } from './format'
import type { Column } from './table'

/** The rows of a table. */
export interface TableRows {
  readonly table: string
  readonly rows: number
}

/** What a row of each table is, in the plural. */
const nouns = new Map(
  Object.entries({
    users: 'accounts',
    devices: 'devices',
    invitations: 'invitations',
    records: 'records',
    notes: 'notes',
    additional_fields: 'additional fields',
    history: 'former versions',
    outbox: 'pending emails',
    set_aside: 'rows set aside',
    audit: 'rows of the audit log',
    audit_marks: 'marks of the audit log',
  }),
)

/** Returns what the rows of a table are, in the plural; the name of a table that this version does not know. */
export function nounOf(table: string): string {
  return nouns.get(table) ?? table
}

/** Returns the counts that people know: `2 accounts, 412 records, 37 notes`. */
export function formatContents(tableRows: readonly TableRows[]): string {
  const rowsOf = (name: string) => tableRows.find(({ table }) => table === name)?.rows ?? 0
  return [
    formatCount(rowsOf('users'), 'account'),
    formatCount(rowsOf('records'), 'record'),
    formatCount(rowsOf('notes'), 'note'),
  ].join(', ')
}

/** The tables of a database with their checksums, for comparison with another one. */
export const checksumColumns: readonly Column<TableRows & { readonly sha256: string }>[] = [
  { title: 'TABLE', cell: ({ table }) => table },
  { title: 'ROWS', cell: ({ rows }) => String(rows) },
  { title: 'SHA-256', cell: ({ sha256 }) => sha256, leaves: 1 },
]
