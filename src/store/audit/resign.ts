import { type Kysely, sql } from 'kysely'
import { type AuditSigner, serverEvent } from '../../domain/audit'
import type { Schema } from '../schema'
import { appendEvents } from './append'
import {
  type Checkpoint,
  computeRowMac,
  listAuditRowsAfter,
  lockCheckpoints,
  saveCheckpoint,
} from './chain'
import { verifyAuditChain } from './verify'

/** What was found of a trail that goes on under a key. */
export interface AuditChainFindings {
  readonly rows: number
  /** Of those, the ones that nobody can prove, for whatever reason. */
  readonly unverified: number
  /** None: nothing was ever signed. Foreign: of another key, so nobody can tell whether it is as it was written. */
  readonly state: 'none' | 'verified' | 'foreign' | 'broken'
  /** The first thing that is wrong with a broken one. */
  readonly problem: string | null
  /** What rows of it say was broken, and no operator has accepted. */
  readonly recordedBreaks: readonly string[]
}

/** How a trail stands to the key that has signed it, null for one that is not at hand. Changes nothing. */
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
 * Has a trail go on under another key, or for the first time under one, as a part of the caller's transaction. What the
 * key has signed and is whole stays as it is; everything else is signed anew, number by number, so the caller must
 * write down what was found: from here on it looks as good as the rest.
 */
export async function resignLog(
  db: Kysely<Schema>,
  { oldSigner, signer }: { oldSigner: AuditSigner | null; signer: AuditSigner },
): Promise<AuditChainFindings> {
  const findings = await assessAuditChain(db, oldSigner)
  if (findings.rows === 0 && findings.state === 'none') return findings
  const { begin, head } = await lockCheckpoints(db)
  const canExtend = findings.state === 'verified' && oldSigner === signer
  if (canExtend) await signRowsAfter(db, signer, head)
  else {
    const [first] = await listAuditRowsAfter(db, Number.MIN_SAFE_INTEGER, 1)
    // Somebody may have moved the mark: it leaves no row out.
    const number = first === undefined ? begin.number : Math.min(begin.number, first.seq - 1)
    const start = { ...begin, number }
    await saveCheckpoint(db, signer, 'begin', start)
    await signRowsAfter(db, signer, start)
  }
  return findings
}

/**
 * Has what lies in a database without a key go on under its first one. What could not be verified is written down, also
 * rows that were never signed: a database that had no server yet looks like one whose signatures somebody took away.
 */
export async function signFirstTime(
  db: Kysely<Schema>,
  signer: AuditSigner,
  time: number,
): Promise<AuditChainFindings> {
  const findings = await resignLog(db, { oldSigner: signer, signer })
  const { unverified } = findings
  if (unverified > 0) {
    const about = { count: unverified, detail: describeFindings(findings) }
    await appendEvents(db, () => signer, [serverEvent(time, 'trail-carried', about)])
  }
  return findings
}

/** Signs every row behind a place in the chain, and moves the mark of the newest one. */
async function signRowsAfter(
  db: Kysely<Schema>,
  signer: AuditSigner,
  from: Checkpoint,
): Promise<void> {
  let { number, mac } = from
  for (;;) {
    const page = await listAuditRowsAfter(db, number)
    if (page.length === 0) break
    const signed = page.map((row) => {
      mac = computeRowMac(signer, mac, row)
      return sql`(cast(${row.seq} as bigint), ${mac})`
    })
    const last = page.at(-1)?.seq ?? number
    // The bounds have an engine look at this page alone, whichever of the two it goes through first.
    await sql`
      with signed (seq, mac) as (values ${sql.join(signed)})
      update audit set mac = signed.mac from signed
      where signed.seq = audit.seq and audit.seq > ${number} and audit.seq <= ${last}
    `.execute(db)
    number = last
  }
  await saveCheckpoint(db, signer, 'head', { number, mac })
}

/** How a row says what was found. */
export function describeFindings({ rows, unverified, state, problem }: AuditChainFindings): string {
  const counted = formatRowCount(rows)
  switch (state) {
    case 'none':
      return rows === 0
        ? 'there was no trail before'
        : `${counted} before, never signed: not verifiable`
    case 'verified':
      return unverified === 0
        ? `${counted} before, verified`
        : `${formatRowCount(rows - unverified)} before, verified; ${unverified} more, never signed: not verifiable`
    case 'foreign':
      return `${counted} before, signed by a key that is not here: not verifiable`
    case 'broken':
      return `${counted} before, not as they were written: ${problem}`
  }
}

function formatRowCount(count: number): string {
  return count === 1 ? '1 row' : `${count} rows`
}

/** Takes a trail away, in a database that another one is copied into. */
export async function clearAuditLog(db: Kysely<Schema>): Promise<void> {
  for (const table of ['audit', 'audit_marks'] as const) await db.deleteFrom(table).execute()
}
