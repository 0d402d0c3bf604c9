import type { Kysely } from 'kysely'
import { type AuditEvent, type AuditSigner, serverEvent } from '../../domain/audit'
import { findKeyFingerprint } from '../key-fingerprint'
import type { Schema } from '../schema'
import {
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
 * Signs for a database with this fingerprint of a key. Null for one that has none, before its first server: what is
 * written there is signed when the first key comes. Throws for another key, or none at hand.
 */
export type AuditSignerProvider = (fingerprint: string | null) => AuditSigner | null

/** What is signed in the place of the row before where that is not what was written: no chain holds over it. */
const brokenMac = 'broken'

/**
 * Puts events at the end of the trail, as a part of the caller's transaction, and the last part of it: on Postgres,
 * whoever comes between fails then, and its scope tries again.
 */
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

  if (last === null && begin.seal === '' && head.seal === '') {
    return await beginChain(db, signer, begin, [serverEvent(first.time, 'trail-begun'), ...events])
  }
  if (isCheckpointValid(signer, 'head', head) && isHeadCurrent(head, last, begin)) {
    return await appendSigned(db, signer, head, events)
  }
  // Not repaired, which would hide it: the trail goes on, and what is wrong stays to be found.
  const detail = 'the newest row is not the one that was written last'
  const mac = isCheckpointValid(signer, 'head', head) ? head.mac : brokenMac
  const warning = serverEvent(first.time, 'trail-broken', { detail })
  await appendSigned(db, signer, { number: newest, mac }, [warning, ...events])
}

/** Writes the first row of a trail, unless there is one. */
export async function beginAuditLog(
  db: Kysely<Schema>,
  signer: AuditSigner,
  time: number,
): Promise<void> {
  const { head } = await readCheckpoints(db)
  if (head !== null || (await findLastAuditRow(db)) !== null) return
  const { begin } = await lockCheckpoints(db)
  await beginChain(db, signer, begin, [serverEvent(time, 'trail-begun')])
}

async function beginChain(
  db: Kysely<Schema>,
  signer: AuditSigner,
  begin: Checkpoint,
  events: readonly AuditEvent[],
): Promise<void> {
  await saveCheckpoint(db, signer, 'begin', begin)
  await appendSigned(db, signer, begin, events)
}

/** Whether what lies at the end is what the mark says. */
function isHeadCurrent(
  head: Checkpoint,
  last: { seq: number; mac: string } | null,
  begin: Checkpoint,
): boolean {
  // Where everything was pruned, the end is where the beginning is.
  const end = last === null ? begin : { number: last.seq, mac: last.mac }
  return end.number === head.number && end.mac === head.mac
}

/** Signs rows behind a place in the chain, and moves the mark of the newest one. */
async function appendSigned(
  db: Kysely<Schema>,
  signer: AuditSigner,
  from: Omit<Checkpoint, 'seal'>,
  events: readonly AuditEvent[],
): Promise<void> {
  let { mac } = from
  const rows = toUnsignedRows(events, from.number).map((row): ChainRow => {
    mac = computeRowMac(signer, mac, row)
    return { ...row, mac }
  })
  await insertAuditRows(db, rows)
  await saveCheckpoint(db, signer, 'head', { number: from.number + rows.length, mac })
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
  for (let done = 0; done < rows.length; done += 512) {
    await db
      .insertInto('audit')
      .values(rows.slice(done, done + 512))
      .execute()
  }
}
