/**
 * Everything that depends on the database engine: SQL dialects, connections, error codes and inspection, for SQLite and
 * for Postgres in files of the same names. Nothing in this folder knows our tables.
 */
import type { EngineFault } from './fault-kind'
import { postgresFault } from './postgres/faults'
import { sqliteFault } from './sqlite/faults'

/**
 * Returns what a database error means, recognized by its code, never by its message. Null for any other error: a bug.
 */
export function engineFault(error: unknown): EngineFault | null {
  return sqliteFault(error) ?? postgresFault(error)
}
