import { DatabaseError } from 'pg'
import type { EngineFault } from '../fault-kind'

/**
 * The connection failed, or none could be had: refused, cut, too slow, not to a server that takes writes. What
 * was under way on it may have happened or not.
 */
export class ConnectionFault extends Error {
  override readonly name = 'ConnectionFault'
}

// SQLSTATE codes, whole or by their class (https://www.postgresql.org/docs/10/errcodes-appendix.html).
const faults: Readonly<Record<string, EngineFault>> = {
  '08': 'unreachable', // connection exceptions
  '23503': 'orphan', // foreign_key_violation
  '25006': 'unreachable', // read_only_sql_transaction: a standby, or a primary that was made one
  '25P03': 'unreachable', // idle_in_transaction_session_timeout
  '40001': 'aborted', // serialization_failure
  '40P01': 'aborted', // deadlock_detected
  '53': 'unreachable', // insufficient resources: connections, memory
  '53100': 'full', // disk_full
  '55P03': 'busy', // lock_not_available
  '57': 'unreachable', // operator intervention: shutdown, crash, cancelled for its time
  '58030': 'unreachable', // io_error
  XX001: 'damaged', // data_corrupted
  XX002: 'damaged', // index_corrupted
}

/** What a fault of Postgres means, null for anything else. */
export function postgresFault(error: unknown): EngineFault | null {
  if (error instanceof ConnectionFault) return 'unreachable'
  if (!(error instanceof DatabaseError) || error.code === undefined) return null
  return faults[error.code] ?? faults[error.code.slice(0, 2)] ?? null
}

/**
 * What an operator is told of a fault at the time of connecting or setting up; null where it is not for them but
 * a bug of ours.
 */
export function describePostgresFault(error: unknown): { reason: string; hint: string } | null {
  if (!(error instanceof ConnectionFault || error instanceof DatabaseError)) return null
  const root = rootCause(error)
  const code = 'code' in root && typeof root.code === 'string' ? root.code : ''
  const known = hints[code] ?? hints[code.slice(0, 2)]
  if (known === undefined && error instanceof DatabaseError && postgresFault(error) === null) {
    return null
  }
  return { reason: root.message || code, hint: known ?? unreachableHint }
}

/** Whether a server that could not be had may still be on its way up, as after a boot of the machine. */
export function mayBeStarting(error: unknown): boolean {
  if (!(error instanceof ConnectionFault)) return false
  const root = rootCause(error)
  return 'code' in root && typeof root.code === 'string' && startingCodes.has(root.code)
}

// The system's words for nobody there, and Postgres's cannot_connect_now.
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
  // Where a name has several addresses, each of them failed.
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause
  return inner instanceof Error ? rootCause(inner) : error
}

const unreachableHint =
  'see that Postgres runs, takes writes, and is reached at the host and port of SNAILPASS_DATABASE_URL; if it must be TLS, or must not, say so with ?sslmode='

const hints: Readonly<Record<string, string | undefined>> = {
  '28': 'see user and password in SNAILPASS_DATABASE_URL; in a password, write @ as %40, / as %2F and % as %25',
  '2BP01':
    'something else depends on these tables, a view perhaps: drop it first, and make it anew afterwards',
  '3D000': 'make the database first: createdb --encoding=UTF8 NAME',
  '42501':
    'the user of SNAILPASS_DATABASE_URL must own the tables that are there and may make new ones: grant create, usage on schema public to USER',
  '53100': 'make space on the disk of the Postgres server',
  '55P03': 'somebody else is at work on these tables: stop what uses the database, then try again',
}
