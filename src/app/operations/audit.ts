import { requireAdopted } from '../../database/database'
import type { AuditRow, RowStatus } from '../../domain/audit'
import { normalizeEmail } from '../../domain/email'
import { DomainError } from '../../domain/errors'
import { isStorable } from '../../domain/text'
import { acceptBrokenChain } from '../../store/audit/accept'
import { formatCheckpoint, lookUpRowStatus } from '../../store/audit/chain'
import { type AuditChainReport, verifyAuditChain } from '../../store/audit/verify'
import { findKeyFingerprint } from '../../store/key-fingerprint'
import { auditSignerFor } from '../secret-key'
import { pruneAuditRows } from '../server/audit-writer'
import type { Targets } from '../targets'

export type { AuditChainReport, AuditRow }

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
export async function readAuditLog(
  { database }: Targets,
  { user, since }: AuditFilter,
  onPage: (rows: readonly AuditRow[]) => void,
): Promise<void> {
  await database.withShared(async (store) => {
    // An id is as its client wrote it, and an email is lower-cased.
    const named = user?.includes('@') === true ? normalizeEmail(user) : user
    let count = 0
    if (named === null || isStorable(named)) {
      for (let after = 0; ; ) {
        const query = { user: named, since, after, limit: pageSize }
        const rows = await store.read((tx) => tx.audit.list(query))
        onPage(rows)
        count += rows.length
        after = rows.at(-1)?.number ?? after
        if (rows.length < pageSize) break
      }
    }
    if (named === null || count > 0) return
    const isKnown = await store.read(async (tx) => {
      if (!isStorable(named)) return false
      const found = (await tx.users.findByEmail(named)) ?? (await tx.users.findById(named))
      if (found !== null) return true
      const anyRow = { user: named, since: null, after: 0, limit: 1 }
      return (await tx.audit.list(anyRow)).length > 0
    })
    if (isKnown) return
    throw new DomainError('not_found', `the audit trail knows nothing of ${user}`, {
      hint: 'name an account by its email or its id; see them with `snailpass user list`',
    })
  })
}

/** A proof, and where the value stands that was to be found. */
export interface AuditVerification extends AuditChainReport {
  /** The newest row, as `17:3f…`; null for none. */
  readonly newestValue: string | null
  /** What became of the value that was expected; null where none was. */
  readonly expectedStatus: RowStatus | null
}

/** A value as the log has it. */
const valuePattern = /^\d{1,15}:[0-9a-f]{64}$/

/**
 * Proves the audit trail beside the servers that run; with `expect` also that it still holds a value that the log had.
 * Throws a DomainError where it can't be proven: `unavailable` without the key.
 */
export async function verifyAudit(
  targets: Targets,
  expect: string | null,
): Promise<AuditVerification> {
  if (expect !== null && !valuePattern.test(expect)) {
    throw new DomainError('invalid', '--expect is not a value of an audit trail', {
      hint: 'copy it from the log, where it stands behind newest=, or from `snailpass audit verify`',
    })
  }
  return await targets.database.withSnapshot(async (db) => {
    const signer = auditSignerFor(targets, await findKeyFingerprint(db))
    if (signer === null) {
      throw new DomainError('unavailable', 'the database has no secret key yet', {
        hint: 'its first server signs what the audit trail holds: start `snailpass serve` on it',
      })
    }
    const report = await verifyAuditChain(db, signer)
    const { newest } = report
    const newestValue = newest === null ? null : formatCheckpoint(newest)
    if (expect === null) return { ...report, newestValue, expectedStatus: null }
    return { ...report, newestValue, expectedStatus: await lookUpRowStatus(db, expect) }
  })
}

/**
 * Has a trail go on that is not as it was written, by a row that says so; no server may run. Answers what was wrong with
 * it, nothing for one that is whole. Throws a DomainError.
 */
export async function acceptBrokenAudit(targets: Targets): Promise<readonly string[]> {
  const { database, runtime } = targets
  return await database.withExclusive({ create: false }, async (exclusive) => {
    requireAdopted(exclusive, database)
    const { db } = exclusive
    const signer = auditSignerFor(targets, await findKeyFingerprint(db))
    if (signer === null) return []
    return await exclusive.transaction(() => acceptBrokenChain(db, signer, runtime.clock()))
  })
}

/** Takes rows away that are older than the settings let them be, beside the servers that run. Answers how many. */
export async function pruneAudit(targets: Targets): Promise<number> {
  const { settings, runtime, database } = targets
  return await database.withShared(async (store) => {
    store.setAuditSigner((fingerprint) => auditSignerFor(targets, fingerprint))
    return await pruneAuditRows(store, settings, runtime)
  })
}
