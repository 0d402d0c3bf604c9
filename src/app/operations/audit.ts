import { requireAdopted } from '../../database/database'
import type { AuditRow, RowStatus } from '../../domain/audit'
import { normalizeEmail } from '../../domain/email'
import { DomainError } from '../../domain/errors'
import { isStorable } from '../../domain/text'
import { acceptBrokenChain } from '../../store/audit/accept'
import { formatCheckpoint, lookUpRowStatus } from '../../store/audit/chain'
import { type AuditChainReport, verifyAuditChain } from '../../store/audit/verify'
import { findKeyFingerprint } from '../../store/key-fingerprint'
import { clockHint, openClockWatch } from '../clock'
import { auditSignerFor } from '../secret-key'
import { pruneAuditRows } from '../server/audit-writer'
import type { Targets } from '../targets'

export type { AuditChainReport, AuditRow }

/** Rows per page. */
const pageSize = 512

export interface AuditFilter {
  /** Email or id of an account, which may be deleted; null for all accounts. */
  readonly user: string | null
  /** Milliseconds since 1970 (UTC); null for all rows. */
  readonly since: number | null
}

/**
 * Passes the rows of the audit log to `onPage` page by page, the newest last. Works while servers run. Throws `not_found`
 * for a user who has no account and no row in the audit log.
 */
export async function readAuditLog(
  { database }: Targets,
  { user, since }: AuditFilter,
  onPage: (rows: readonly AuditRow[]) => void,
): Promise<void> {
  await database.withShared(async (store) => {
    // Ids are stored as clients write them, emails in lower case.
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
    throw new DomainError(
      'not_found',
      `there is no account ${user}, neither now nor in the audit log`,
      {
        hint: 'use the email or the id of an account; `snailpass user list` prints both',
      },
    )
  })
}

/** The result of a verification, and the status of the row that was expected. */
export interface AuditVerification extends AuditChainReport {
  /** The number and MAC of the newest row, as `17:3f…`; null if there is none. */
  readonly newestValue: string | null
  /** Null if no row was expected. */
  readonly expectedStatus: RowStatus | null
}

/** The number and MAC of a row, as servers log them. */
const valuePattern = /^\d{1,15}:[0-9a-f]{64}$/

/**
 * Verifies the audit log while servers run. With `expect`, a value that a server logged, also returns the status of that row.
 * Throws `invalid` if `expect` is no such value, `unavailable` without the key.
 */
export async function verifyAudit(
  targets: Targets,
  expect: string | null,
): Promise<AuditVerification> {
  if (expect !== null) requireLoggedValue(expect)
  return await targets.database.withSnapshot(async (db) => {
    const signer = auditSignerFor(targets, await findKeyFingerprint(db))
    if (signer === null) {
      throw new DomainError('unavailable', 'the database has no secret key yet', {
        hint: 'its first server signs the audit log: start it with `snailpass serve`',
      })
    }
    const report = await verifyAuditChain(db, signer)
    const { newest } = report
    const newestValue = newest === null ? null : formatCheckpoint(newest)
    if (expect === null) return { ...report, newestValue, expectedStatus: null }
    return { ...report, newestValue, expectedStatus: await lookUpRowStatus(db, expect) }
  })
}

function requireLoggedValue(text: string): void {
  if (valuePattern.test(text)) return
  throw new DomainError('invalid', `invalid --expect "${text}": use NUMBER:MAC`, {
    hint: 'copy the value after newest= in the log of a server, or the one that `snailpass audit verify` prints',
  })
}

/**
 * Signs the rows of an audit log that was tampered with again, unchanged, and adds a row that records this. Returns the
 * problems that were accepted, none for an intact log. Throws `conflict` while a server runs, `unavailable` without the key.
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

/**
 * Deletes the rows that are older than SNAILPASS_AUDIT_DAYS, while servers run. Returns how many. Throws `conflict` if they
 * were tampered with, `unavailable` without the key or if the clock is implausible.
 */
export async function pruneAudit(targets: Targets): Promise<number> {
  const { settings, runtime, database } = targets
  return await database.withShared(async (store) => {
    store.setAuditSigner((fingerprint) => auditSignerFor(targets, fingerprint))
    const clockWatch = await openClockWatch(store, runtime)
    const count = await pruneAuditRows(store, settings, clockWatch)
    if (count !== null) return count
    throw new DomainError('unavailable', `no row was removed: ${clockWatch.problem()?.detail}`, {
      hint: clockHint,
    })
  })
}
