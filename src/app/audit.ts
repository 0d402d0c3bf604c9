import type { Settings } from '../config/settings'
import type { AuditRow, Whereabouts } from '../domain/audit'
import { normalizeEmail } from '../domain/email'
import { DomainError } from '../domain/errors'
import { isStorable } from '../domain/text'
import { acceptTrail } from '../store/audit-acceptance'
import { chainValue, lookForValue } from '../store/audit-chain'
import { type TrailReport, verifyTrail } from '../store/audit-verify'
import { findKeyFingerprint } from '../store/key-fingerprint'
import { pruneTrail } from './auditing'
import { placesOf } from './database'
import { requireOurs } from './operations'
import { sealFor } from './secret-key'
import type { World } from './world'

export type { AuditRow, TrailReport }

/** Rows that are read at once. */
const pageSize = 512

export interface AuditFilter {
  /** Email or id of an account, also of one that is gone; null for all of them. */
  readonly user: string | null
  /** Milliseconds since 1970 (UTC), null for all that is there. */
  readonly since: number | null
}

/**
 * Gives the rows of the audit trail page by page, the newest last, beside the servers that run. Throws a DomainError:
 * `not_found` for a user of whom neither the trail nor the accounts know.
 */
export async function readTrail(
  settings: Settings,
  world: World,
  { user, since }: AuditFilter,
  each: (rows: readonly AuditRow[]) => void,
): Promise<void> {
  const { database } = placesOf(settings, world)
  await database.beside(async (store) => {
    // An id is as its client wrote it, and an email is lower-cased.
    const named = user?.includes('@') === true ? normalizeEmail(user) : user
    let count = 0
    if (named === null || isStorable(named)) {
      for (let after = 0; ; ) {
        const query = { user: named, since, after, most: pageSize }
        const rows = await store.read((scope) => scope.audit.list(query))
        each(rows)
        count += rows.length
        after = rows.at(-1)?.number ?? after
        if (rows.length < pageSize) break
      }
    }
    if (named === null || count > 0) return
    const isKnown = await store.read(async (scope) => {
      if (!isStorable(named)) return false
      const found = (await scope.users.findByEmail(named)) ?? (await scope.users.findById(named))
      if (found !== null) return true
      const everything = { user: named, since: null, after: 0, most: 1 }
      return (await scope.audit.list(everything)).length > 0
    })
    if (isKnown) return
    throw new DomainError('not_found', `the audit trail knows nothing of ${user}`, {
      hint: 'name an account by its email or its id; see them with `snailpass user list`',
    })
  })
}

/** A proof, and where the value stands that was to be found. */
export interface TrailProof extends TrailReport {
  /** The newest row, as `17:3f…`; null for none. */
  readonly value: string | null
  /** What became of the value that was expected; null where none was. */
  readonly expected: Whereabouts | null
}

/** A value as the log has it. */
const valueForm = /^\d{1,15}:[0-9a-f]{64}$/

/**
 * Proves the audit trail beside the servers that run; with `expect` also that it still holds a value that the log had.
 * Throws a DomainError where it can't be proven: `unavailable` without the key.
 */
export async function proveTrailOf(
  settings: Settings,
  world: World,
  expect: string | null,
): Promise<TrailProof> {
  const { database, folder } = placesOf(settings, world)
  if (expect !== null && !valueForm.test(expect)) {
    throw new DomainError('invalid', '--expect is not a value of an audit trail', {
      hint: 'copy it from the log, where it stands behind newest=, or from `snailpass audit verify`',
    })
  }
  return await database.snapshot(async (db) => {
    const seal = sealFor(settings, folder, await findKeyFingerprint(db))
    if (seal === null) {
      throw new DomainError('unavailable', 'the database has no secret key yet', {
        hint: 'its first server signs what the audit trail holds: start `snailpass serve` on it',
      })
    }
    const report = await verifyTrail(db, seal)
    const { newest } = report
    const value = newest === null ? null : chainValue(newest)
    if (expect === null) return { ...report, value, expected: null }
    return { ...report, value, expected: await lookForValue(db, expect) }
  })
}

/**
 * Has a trail go on that is not as it was written, by a row that says so; no server may run. Answers what was wrong with
 * it, nothing for one that is whole. Throws a DomainError.
 */
export async function acceptTrailOf(settings: Settings, world: World): Promise<readonly string[]> {
  const { database, folder } = placesOf(settings, world)
  return await database.alone({ create: false }, async (session) => {
    requireOurs(session, database)
    const { db } = session
    const seal = sealFor(settings, folder, await findKeyFingerprint(db))
    if (seal === null) return []
    return await session.transaction(() => acceptTrail(db, seal, world.clock()))
  })
}

/** Takes rows away that are older than the settings let them be, beside the servers that run. Answers how many. */
export async function pruneTrailOf(settings: Settings, world: World): Promise<number> {
  const { database, folder } = placesOf(settings, world)
  return await database.beside(async (store) => {
    store.signBy((fingerprint) => sealFor(settings, folder, fingerprint))
    return await pruneTrail(store, settings, world)
  })
}
