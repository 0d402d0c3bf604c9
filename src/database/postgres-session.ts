import { Kysely } from 'kysely'
import { DomainError } from '../domain/errors'
import { pollUntil, type Wait } from '../domain/runtime'
import { connectSession, type PostgresSession } from '../engine/postgres/connection'
import { mayBeStarting } from '../engine/postgres/faults'
import type { PostgresTarget } from '../engine/postgres/hosts'
import { sharesSessions } from '../engine/postgres/pooler'
import { asCaller } from '../files/working-user'
import type { Schema } from '../store/schema'
import { connectionTarget, type PostgresLocation } from './postgres-location'

/** How long a server waits for Postgres to start, and how often it tries, in milliseconds. */
const startWait = { timeout: 10_000, interval: 250 }

/**
 * How long to wait for a lock, and how often to try, in milliseconds. Migrations of another server take their time. Servers
 * of an older version may keep running, so waiting for those (`presence`) ends soon.
 */
const lockWaits = {
  migration: { timeout: 60_000, interval: 250 },
  presence: { timeout: 10_000, interval: 250 },
} as const

/** The same for a command, in milliseconds. Postgres notices the end of another process with a delay. */
const disconnectWait = { timeout: 500, interval: 50 }

interface WaitOptions {
  readonly wait: Wait
  readonly onWaiting?: (() => void) | undefined
}

/** Opens a session. The files that the URL names are read as the caller. */
export function connectTo(location: PostgresLocation): Promise<PostgresSession> {
  return asCaller(() => connectSession(connectionTarget(location)))
}

/** Runs work on a session of its own, and closes it afterwards. */
export async function withSession<T>(
  connection: Promise<PostgresSession>,
  work: (session: PostgresSession, db: Kysely<Schema>) => Promise<T>,
): Promise<T> {
  const session = await connection
  try {
    return await work(session, new Kysely<Schema>({ dialect: session.dialect }))
  } finally {
    await session.close()
  }
}

/**
 * Connects. If Postgres may still be starting, as after a boot of the machine, calls `onWaiting` once and tries again. Throws
 * the last error of the connection after the timeout.
 */
export async function connectWhenStarted(
  address: PostgresTarget,
  { wait, onWaiting }: WaitOptions,
): Promise<PostgresSession> {
  let lastError: unknown = null
  const session = await pollUntil({ wait, ...startWait }, async () => {
    try {
      return await asCaller(() => connectSession(address))
    } catch (error) {
      if (!mayBeStarting(error)) throw error
      if (lastError === null) onWaiting?.()
      lastError = error
      return null
    }
  })
  if (session === null) throw lastError
  return session
}

/** Takes a lock, and calls `onWaiting` once if it is not free. Returns false if it is not free after the timeout. */
export async function waitForLock(
  session: PostgresSession,
  lock: keyof typeof lockWaits,
  { wait, onWaiting }: WaitOptions,
): Promise<boolean> {
  let isWaiting = false
  const taken = await pollUntil({ wait, ...lockWaits[lock] }, async () => {
    if (await session.tryLock(lock)) return true
    if (!isWaiting) onWaiting?.()
    isWaiting = true
    return null
  })
  return taken !== null
}

/**
 * Throws `unavailable` if a pooler shares the session of this connection with others: the locks that keep servers and
 * commands apart would not hold.
 */
export async function requireOwnSession(
  location: PostgresLocation,
  db: Kysely<Schema>,
): Promise<void> {
  const isShared = await withSession(connectTo(location), (_, second) => sharesSessions(db, second))
  if (!isShared) return
  throw new DomainError(
    'unavailable',
    `${location.name} is behind a pooler that shares sessions, such as PgBouncer with pool_mode = transaction`,
    {
      hint: 'connect to Postgres directly, or set pool_mode = session for this database',
    },
  )
}

/** Takes both locks, which keeps servers and other commands out. Returns false if one of them is not free. */
export async function lockExclusively(session: PostgresSession, wait: Wait): Promise<boolean> {
  const taken = await pollUntil({ wait, ...disconnectWait }, async () =>
    (await session.tryLock('migration')) && (await session.tryLock('presence')) ? true : null,
  )
  return taken !== null
}
