import type { Kysely } from 'kysely'
import { type AuditEvent, byServer, type TrailSeal } from '../domain/audit'
import {
  type ChainRow,
  findMarks,
  isSealed,
  lastRow,
  lockMarks,
  type Mark,
  macOf,
  putMark,
} from './audit-chain'
import { findKeyFingerprint } from './key-fingerprint'
import type { Schema } from './schema'

/**
 * Signs for a database with this fingerprint of a key. Null for one that has none, before its first server: what is
 * written there is signed when the first key comes. Throws for another key, or none at hand.
 */
export type Sealer = (fingerprint: string | null) => TrailSeal | null

/** What is signed in the place of the row before where that is not what was written: no chain holds over it. */
const broken = 'broken'

/**
 * Puts events at the end of the trail, as a part of the caller's transaction, and the last part of it: on Postgres,
 * whoever comes between fails then, and its scope tries again.
 */
export async function appendEvents(
  db: Kysely<Schema>,
  sealer: Sealer,
  events: readonly AuditEvent[],
): Promise<void> {
  const [first] = events
  if (first === undefined) return
  const seal = sealer(await findKeyFingerprint(db))
  const { begin, head } = await lockMarks(db)
  const last = await lastRow(db)
  const newest = Math.max(head.number, last?.seq ?? 0)
  if (seal === null) {
    return await insertRows(db, unsignedRows(events, newest))
  }

  if (last === null && begin.seal === '' && head.seal === '') {
    return await begun(db, seal, begin, [byServer(first.time, 'trail-begun'), ...events])
  }
  if (isSealed(seal, 'head', head) && isNewest(head, last, begin)) {
    return await extend(db, seal, head, events)
  }
  // Not repaired, which would hide it: the trail goes on, and what is wrong stays to be found.
  const detail = 'the newest row is not the one that was written last'
  const mac = isSealed(seal, 'head', head) ? head.mac : broken
  const warning = byServer(first.time, 'trail-broken', { detail })
  await extend(db, seal, { number: newest, mac }, [warning, ...events])
}

/** Writes the first row of a trail, unless there is one. */
export async function beginTrail(db: Kysely<Schema>, seal: TrailSeal, time: number): Promise<void> {
  const { head } = await findMarks(db)
  if (head !== null || (await lastRow(db)) !== null) return
  const { begin } = await lockMarks(db)
  await begun(db, seal, begin, [byServer(time, 'trail-begun')])
}

async function begun(
  db: Kysely<Schema>,
  seal: TrailSeal,
  begin: Mark,
  events: readonly AuditEvent[],
): Promise<void> {
  await putMark(db, seal, 'begin', begin)
  await extend(db, seal, begin, events)
}

/** Whether what lies at the end is what the mark says. */
function isNewest(head: Mark, last: { seq: number; mac: string } | null, begin: Mark): boolean {
  // Where everything was pruned, the end is where the beginning is.
  const end = last === null ? begin : { number: last.seq, mac: last.mac }
  return end.number === head.number && end.mac === head.mac
}

/** Signs rows behind a place in the chain, and moves the mark of the newest one. */
async function extend(
  db: Kysely<Schema>,
  seal: TrailSeal,
  from: Omit<Mark, 'seal'>,
  events: readonly AuditEvent[],
): Promise<void> {
  let { mac } = from
  const rows = unsignedRows(events, from.number).map((row): ChainRow => {
    mac = macOf(seal, mac, row)
    return { ...row, mac }
  })
  await insertRows(db, rows)
  await putMark(db, seal, 'head', { number: from.number + rows.length, mac })
}

function unsignedRows(events: readonly AuditEvent[], after: number): readonly ChainRow[] {
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

async function insertRows(db: Kysely<Schema>, rows: readonly ChainRow[]): Promise<void> {
  for (let done = 0; done < rows.length; done += 512) {
    await db
      .insertInto('audit')
      .values(rows.slice(done, done + 512))
      .execute()
  }
}
