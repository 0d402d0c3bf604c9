import { SQLiteError } from 'bun:sqlite'
import type { EngineFault } from '../fault-kind'

// Primary result codes: the low byte of `errno` (https://www.sqlite.org/rescode.html).
const faults: Readonly<Record<number, EngineFault>> = {
  3: 'denied', // SQLITE_PERM
  5: 'busy', // SQLITE_BUSY
  6: 'busy', // SQLITE_LOCKED
  7: 'unreachable', // SQLITE_NOMEM
  8: 'unreachable', // SQLITE_READONLY
  10: 'unreachable', // SQLITE_IOERR
  11: 'damaged', // SQLITE_CORRUPT
  13: 'full', // SQLITE_FULL
  14: 'unreachable', // SQLITE_CANTOPEN
  15: 'busy', // SQLITE_PROTOCOL
  26: 'damaged', // SQLITE_NOTADB
}

// An extended result code. Violations of unique constraints never throw: inserts use `on conflict do nothing`.
const foreignKeyFault = 787 // SQLITE_CONSTRAINT_FOREIGNKEY

/** Returns what an error of SQLite means. Null for any other error. */
export function sqliteFault(error: unknown): EngineFault | null {
  if (!(error instanceof SQLiteError)) return null
  if (error.errno === foreignKeyFault) return 'orphan'
  return faults[error.errno & 0xff] ?? null
}
