import { type Kysely, sql } from 'kysely'
import { type AuditSigner, serverEvent } from '../../domain/audit'
import { formatCount } from '../../domain/text'
import type { Schema } from '../schema'
import { appendEvents } from './append'
import {
  type ChainPosition,
  computeRowMac,
  listAuditRowsAfter,
  lockCheckpoints,
  saveCheckpoint,
} from './chain'
import { verifyAuditChain } from './verify'

/** What was found in the audit log before it was signed again. */
export interface AuditChainFindings {
  readonly rows: number
  /** Those of them that could not be verified. */
  readonly unverified: number
  /** None: nothing was ever signed. Foreign: signed by a key that is not available, so nothing can be verified. */
  readonly state: 'none' | 'verified' | 'foreign' | 'broken'
  /** The first problem of a broken log, otherwise null. */
  readonly problem: string | null
  /** Breaks that rows of the log record and no operator has accepted. */
  readonly recordedBreaks: readonly string[]
}

/** Verifies the audit log with the key that signed it; null if that key is not available. Changes nothing. */
export async function assessAuditChain(
  db: Kysely<Schema>,
  oldSigner: AuditSigner | null,
): Promise<AuditChainFindings> {
  const report =
    oldSigner === null ? null : await verifyAuditChain(db, oldSigner, { allowUnsigned: true })
  if (report === null) {
    const rows = await countAuditRows(db)
    const state = (await countAuditRows(db, 'signed')) === 0 ? 'none' : 'foreign'
    return { rows, unverified: rows, state, problem: null, recordedBreaks: [] }
  }
  const [problem = null] = report.problems
  const { rows, unsigned, isSignedByKey, newest, recordedBreaks } = report
  if (problem === null) {
    const state = newest === null ? 'none' : 'verified'
    return { rows, unverified: unsigned, state, problem, recordedBreaks }
  }
  const state = isSignedByKey ? 'broken' : 'foreign'
  return { rows, unverified: rows, state, problem: isSignedByKey ? problem : null, recordedBreaks }
}

async function countAuditRows(
  db: Kysely<Schema>,
  which: 'all' | 'signed' = 'all',
): Promise<number> {
  let query = db.selectFrom('audit').select(({ fn }) => fn.countAll().as('rows'))
  if (which === 'signed') query = query.where('mac', '<>', '')
  return Number((await query.executeTakeFirstOrThrow()).rows)
}

/**
 * Re-signs the audit log under `signer`, as part of the caller's transaction. Rows that the old key verifies are kept
 * when the key stays; all others get new signatures and can no longer be distinguished from genuine ones, so the
 * caller must record the returned findings.
 */
export async function resignLog(
  db: Kysely<Schema>,
  { oldSigner, signer }: { oldSigner: AuditSigner | null; signer: AuditSigner },
): Promise<AuditChainFindings> {
  const findings = await assessAuditChain(db, oldSigner)
  if (findings.rows === 0 && findings.state === 'none') return findings
  const { begin, head } = await lockCheckpoints(db)
  const canExtend = findings.state === 'verified' && oldSigner === signer
  if (canExtend) {
    await signRowsAfter(db, signer, head)
  } else {
    const [first] = await listAuditRowsAfter(db, Number.MIN_SAFE_INTEGER, 1)
    // The checkpoint may have been moved by an attacker: every row must get a signature.
    const number = first === undefined ? begin.number : Math.min(begin.number, first.seq - 1)
    const start = { number, mac: begin.mac }
    await saveCheckpoint(db, signer, { ...start, name: 'begin' })
    await signRowsAfter(db, signer, start)
  }
  return findings
}

/**
 * Signs the audit log of a database that gets its first key, and records how many rows could not be verified. Rows that
 * were never signed count as well: a database before its first server looks like one whose signatures were removed.
 */
export async function signFirstTime(
  db: Kysely<Schema>,
  signer: AuditSigner,
  time: number,
): Promise<AuditChainFindings> {
  const findings = await resignLog(db, { oldSigner: signer, signer })
  const { unverified } = findings
  if (unverified > 0) {
    const detail = describeFindings(findings)
    const event = serverEvent(time, 'trail-carried', { count: unverified, detail })
    await appendEvents(db, () => signer, [event])
  }
  return findings
}

/** Signs every row after a position in the chain, and moves the checkpoint `head`. */
async function signRowsAfter(
  db: Kysely<Schema>,
  signer: AuditSigner,
  position: ChainPosition,
): Promise<void> {
  let { number, mac } = position
  for (;;) {
    const page = await listAuditRowsAfter(db, number)
    if (page.length === 0) break
    const signed = page.map((row) => {
      mac = computeRowMac(signer, mac, row)
      return sql`(cast(${row.seq} as bigint), ${mac})`
    })
    const last = page.at(-1)?.seq ?? number
    // The bounds on `seq` keep both engines from scanning the whole table, whichever side of the join they read first.
    await sql`
      with signed (seq, mac) as (values ${sql.join(signed)})
      update audit set mac = signed.mac from signed
      where signed.seq = audit.seq and audit.seq > ${number} and audit.seq <= ${last}
    `.execute(db)
    number = last
  }
  await saveCheckpoint(db, signer, { name: 'head', number, mac })
}

/** Returns the findings as text. It is stored in details of audit events, so its wording must not change. */
export function describeFindings({ rows, unverified, state, problem }: AuditChainFindings): string {
  const counted = formatCount(rows, 'row')
  switch (state) {
    case 'none':
      return rows === 0
        ? 'there was no trail before'
        : `${counted} before, never signed: not verifiable`
    case 'verified':
      return unverified === 0
        ? `${counted} before, verified`
        : `${formatCount(rows - unverified, 'row')} before, verified; ${unverified} more, never signed: not verifiable`
    case 'foreign':
      return `${counted} before, signed by a key that is not here: not verifiable`
    case 'broken':
      return `${counted} before, not as they were written: ${problem}`
  }
}

/** Deletes the audit log, for a database that becomes a copy of another one. */
export async function clearAuditLog(db: Kysely<Schema>): Promise<void> {
  for (const table of ['audit', 'audit_marks'] as const) await db.deleteFrom(table).execute()
}
