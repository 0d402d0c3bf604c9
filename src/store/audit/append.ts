import type { Kysely } from 'kysely'
import { type AuditEvent, type AuditSigner, serverEvent } from '../../domain/audit'
import { findKeyFingerprint } from '../key-fingerprint'
import type { Schema } from '../schema'
import {
  auditPageSize,
  type ChainPosition,
  type ChainRow,
  type Checkpoint,
  computeRowMac,
  findLastAuditRow,
  isCheckpointValid,
  lockCheckpoints,
  readCheckpoints,
  saveCheckpoint,
} from './chain'

/**
 * Returns the signer for a database whose key has this fingerprint. Returns null for a database without a key (before
 * its first server): its rows stay unsigned until it gets one. Throws if that key is not available.
 */
export type AuditSignerProvider = (fingerprint: string | null) => AuditSigner | null

/** Used as the previous MAC if the previous row was tampered with, so that the chain visibly breaks here. */
const brokenMac = 'broken'

/** Appends events to the audit log, as the last step of the caller's transaction: others that append wait until it ends. */
export async function appendEvents(
  db: Kysely<Schema>,
  signerFor: AuditSignerProvider,
  events: readonly AuditEvent[],
): Promise<void> {
  const [first] = events
  if (first === undefined) return
  const signer = signerFor(await findKeyFingerprint(db))
  const { begin, head } = await lockCheckpoints(db)
  const last = await findLastAuditRow(db)
  const newest = Math.max(head.number, last?.seq ?? 0)
  if (signer === null) {
    return await insertAuditRows(db, toUnsignedRows(events, newest))
  }

  if (last === null && begin.signature === '' && head.signature === '') {
    const begun = serverEvent(first.time, 'trail-begun')
    return await beginChain(db, { signer, begin, events: [begun, ...events] })
  }
  if (isCheckpointValid(signer, 'head', head) && isHeadCurrent(head, last, begin)) {
    return await appendSigned(db, { signer, after: head, events })
  }
  // Not repaired, which would hide the damage: the log continues, and `audit verify` still finds it.
  const detail = 'the newest row is not the one that was written last'
  const mac = isCheckpointValid(signer, 'head', head) ? head.mac : brokenMac
  const warning = serverEvent(first.time, 'trail-broken', { detail })
  await appendSigned(db, { signer, after: { number: newest, mac }, events: [warning, ...events] })
}

/** Writes the first row of the audit log, unless it has rows or checkpoints. */
export async function beginAuditLog(
  db: Kysely<Schema>,
  signer: AuditSigner,
  time: number,
): Promise<void> {
  if (await isBegun(db)) return
  const { begin } = await lockCheckpoints(db)
  // Another server may have begun it meanwhile.
  if (await isBegun(db)) return
  await beginChain(db, { signer, begin, events: [serverEvent(time, 'trail-begun')] })
}

async function isBegun(db: Kysely<Schema>): Promise<boolean> {
  const { head } = await readCheckpoints(db)
  return head !== null || (await findLastAuditRow(db)) !== null
}

async function beginChain(
  db: Kysely<Schema>,
  chain: {
    readonly signer: AuditSigner
    readonly begin: Checkpoint
    readonly events: readonly AuditEvent[]
  },
): Promise<void> {
  const { signer, begin, events } = chain
  await saveCheckpoint(db, signer, { ...begin, name: 'begin' })
  await appendSigned(db, { signer, after: begin, events })
}

/** Returns whether the last row is the one that the checkpoint `head` names. */
function isHeadCurrent(
  head: Checkpoint,
  last: { seq: number; mac: string } | null,
  begin: Checkpoint,
): boolean {
  // If all rows were pruned, the end is the beginning.
  const end = last === null ? begin : { number: last.seq, mac: last.mac }
  return end.number === head.number && end.mac === head.mac
}

/** Signs and inserts events after a position in the chain, and moves the checkpoint `head`. */
async function appendSigned(
  db: Kysely<Schema>,
  chain: {
    readonly signer: AuditSigner
    readonly after: ChainPosition
    readonly events: readonly AuditEvent[]
  },
): Promise<void> {
  const { signer, after, events } = chain
  let { mac } = after
  const rows = toUnsignedRows(events, after.number).map((row): ChainRow => {
    mac = computeRowMac(signer, mac, row)
    return { ...row, mac }
  })
  await insertAuditRows(db, rows)
  await saveCheckpoint(db, signer, { name: 'head', number: after.number + rows.length, mac })
}

function toUnsignedRows(events: readonly AuditEvent[], after: number): readonly ChainRow[] {
  return events.map((event, index) => ({
    seq: after + index + 1,
    time: event.time,
    kind: event.kind,
    actor: event.actor,
    user_id: event.userId,
    email: event.email,
    address: event.address,
    count: event.count,
    detail: event.detail,
    mac: '',
  }))
}

async function insertAuditRows(db: Kysely<Schema>, rows: readonly ChainRow[]): Promise<void> {
  for (let done = 0; done < rows.length; done += auditPageSize) {
    await db
      .insertInto('audit')
      .values(rows.slice(done, done + auditPageSize))
      .execute()
  }
}
