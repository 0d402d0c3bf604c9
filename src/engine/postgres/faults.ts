import type { DatabaseError } from 'pg'
import type { EngineFault } from '../fault-kind'
import { weakLoginCode } from './weak-logins'

/**
 * A connection failed or could not be opened: refused, closed, timed out, or to a server that does not accept writes.
 * The last statement on it may or may not have taken effect.
 */
export class ConnectionFault extends Error {
  override readonly name = 'ConnectionFault'
}

// SQLSTATE codes, complete or by their class (https://www.postgresql.org/docs/10/errcodes-appendix.html).
const faults: Readonly<Record<string, EngineFault>> = {
  '08': 'unreachable', // connection exceptions
  '23503': 'orphan', // foreign_key_violation
  '25006': 'unreachable', // read_only_sql_transaction: a standby, or a primary that has become one
  '25P02': 'unreachable', // in_failed_sql_transaction: left behind on a connection, which is closed
  '25P03': 'unreachable', // idle_in_transaction_session_timeout
  '26': 'unreachable', // invalid_sql_statement_name: the session is not the one that prepared it
  '40001': 'aborted', // serialization_failure
  '40P01': 'aborted', // deadlock_detected
  '42501': 'denied', // insufficient_privilege
  '42P05': 'unreachable', // duplicate_prepared_statement, for the same reason
  '53': 'unreachable', // insufficient resources: connections, memory
  '53100': 'full', // disk_full
  '55P03': 'busy', // lock_not_available
  '57': 'unreachable', // operator intervention: shutdown, crash, statement timeout
  '58030': 'unreachable', // io_error
  XX001: 'damaged', // data_corrupted
  XX002: 'damaged', // index_corrupted
}

/** Returns whether Postgres sent this error. By its form, not its class: a server on SQLite does not load the driver. */
function isDatabaseError(error: unknown): error is DatabaseError {
  return error instanceof Error && error.name === 'error' && 'severity' in error
}

/** Returns what an error of Postgres means. Null for any other error. */
export function postgresFault(error: unknown): EngineFault | null {
  if (error instanceof ConnectionFault) return 'unreachable'
  if (!isDatabaseError(error) || error.code === undefined) return null
  return faults[error.code] ?? faults[error.code.slice(0, 2)] ?? null
}

/**
 * Returns the reason and a hint for the operator after an error while connecting or creating tables. Null if the error
 * is a bug of snailpass.
 */
export function describePostgresFault(error: unknown): { reason: string; hint: string } | null {
  if (!(error instanceof ConnectionFault || isDatabaseError(error))) return null
  const root = rootCause(error)
  const code = 'code' in root && typeof root.code === 'string' ? root.code : ''
  const known = hints[code] ?? hints[code.slice(0, 2)]
  if (known === undefined && isDatabaseError(error) && postgresFault(error) === null) return null
  return { reason: root.message || code, hint: known ?? unreachableHint }
}

/** Returns whether a server that refused a connection may still be starting, as after a boot of the machine. */
export function mayBeStarting(error: unknown): boolean {
  if (!(error instanceof ConnectionFault)) return false
  const root = rootCause(error)
  return 'code' in root && typeof root.code === 'string' && startingCodes.has(root.code)
}

// The system's codes for an unreachable server, and cannot_connect_now of Postgres.
const startingCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  '57P03',
])

function rootCause(error: Error): Error {
  // A host name with several addresses fails with one error for each of them.
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause
  return inner instanceof Error ? rootCause(inner) : error
}

const unreachableHint =
  'check that Postgres is running, accepts writes, and can be reached at the host and port in SNAILPASS_DATABASE_URL; to require or disable TLS, add ?sslmode='

const hints: Readonly<Record<string, string | undefined>> = {
  [weakLoginCode]:
    'add ?sslmode=verify-full&sslrootcert=CA-FILE to SNAILPASS_DATABASE_URL, or connect through a VPN or an SSH tunnel; a server with password_encryption = scram-sha-256 never asks for the password itself. If the server did not do so before, someone may be intercepting the connection',
  '08P01':
    'a pooler such as PgBouncer refuses what snailpass needs: connect to Postgres directly, or use pool_mode = session with ignore_startup_parameters = statement_timeout, lock_timeout, idle_in_transaction_session_timeout, options',
  '28': 'check user and password in SNAILPASS_DATABASE_URL; in a password, write @ as %40, / as %2F and % as %25',
  '2BP01':
    'another object, such as a view, depends on these tables: drop it first and create it again afterwards',
  '3D000': 'create the database first: createdb --encoding=UTF8 NAME',
  '42501':
    'the user in SNAILPASS_DATABASE_URL must own the existing tables and be allowed to create new ones: grant create, usage on schema public to USER',
  '53300':
    'raise max_connections of Postgres, or the connection limit of the role (`alter role NAME connection limit -1`), or lower ?pool_size= in SNAILPASS_DATABASE_URL',
  '53100': 'free space on the disk of the Postgres server',
  '55P03':
    'another process is using these tables: stop every program that uses the database, then retry',
}
