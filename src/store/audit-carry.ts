import { type Kysely, sql } from 'kysely'
import { byServer, type TrailSeal } from '../domain/audit'
import { appendEvents } from './audit-append'
import { lockMarks, type Mark, macOf, putMark, rowsAfter } from './audit-chain'
import { verifyTrail } from './audit-verify'
import type { Schema } from './schema'

/** What was found of a trail that goes on under a key. */
export interface Carried {
  readonly rows: number
  /** Of those, the ones that nobody can prove, for whatever reason. */
  readonly unproven: number
  /** None: nothing was ever signed. Foreign: of another key, so nobody can tell whether it is as it was written. */
  readonly state: 'none' | 'verified' | 'foreign' | 'broken'
  /** The first thing that is wrong with a broken one. */
  readonly problem: string | null
  /** What rows of it say was broken, and no operator has accepted. */
  readonly broken: readonly string[]
}

/** How a trail stands to the key that has signed it, null for one that is not at hand. Changes nothing. */
export async function proveTrail(db: Kysely<Schema>, former: TrailSeal | null): Promise<Carried> {
  const report = former === null ? null : await verifyTrail(db, former, { waiting: true })
  if (report === null) {
    const rows = await countRows(db)
    const state = (await countRows(db, 'signed')) === 0 ? 'none' : 'foreign'
    return { rows, unproven: rows, state, problem: null, broken: [] }
  }
  const [problem = null] = report.problems
  const { rows, waiting, isOurs, newest, broken } = report
  if (problem === null) {
    const state = newest === null ? 'none' : 'verified'
    return { rows, unproven: waiting, state, problem, broken }
  }
  const state = isOurs ? 'broken' : 'foreign'
  return { rows, unproven: rows, state, problem: isOurs ? problem : null, broken }
}

async function countRows(db: Kysely<Schema>, which: 'all' | 'signed' = 'all'): Promise<number> {
  let query = db.selectFrom('audit').select(({ fn }) => fn.countAll().as('rows'))
  if (which === 'signed') query = query.where('mac', '<>', '')
  return Number((await query.executeTakeFirstOrThrow()).rows)
}

/**
 * Has a trail go on under another key, or for the first time under one, as a part of the caller's transaction. What the
 * key has signed and is whole stays as it is; everything else is signed anew, number by number, so the caller must
 * write down what was found: from here on it looks as good as the rest.
 */
export async function carryTrail(
  db: Kysely<Schema>,
  { former, seal }: { former: TrailSeal | null; seal: TrailSeal },
): Promise<Carried> {
  const carried = await proveTrail(db, former)
  if (carried.rows === 0 && carried.state === 'none') return carried
  const { begin, head } = await lockMarks(db)
  const isGoingOn = carried.state === 'verified' && former === seal
  if (isGoingOn) await signFrom(db, seal, head)
  else {
    const [first] = await rowsAfter(db, Number.MIN_SAFE_INTEGER, 1)
    // Somebody may have moved the mark: it leaves no row out.
    const number = first === undefined ? begin.number : Math.min(begin.number, first.seq - 1)
    const start = { ...begin, number }
    await putMark(db, seal, 'begin', start)
    await signFrom(db, seal, start)
  }
  return carried
}

/**
 * Has what lies in a database without a key go on under its first one. What could not be verified is written down, also
 * rows that were never signed: a database that had no server yet looks like one whose signatures somebody took away.
 */
export async function adoptTrail(
  db: Kysely<Schema>,
  seal: TrailSeal,
  time: number,
): Promise<Carried> {
  const carried = await carryTrail(db, { former: seal, seal })
  const { unproven } = carried
  if (unproven > 0) {
    const about = { count: unproven, detail: wordsFor(carried) }
    await appendEvents(db, () => seal, [byServer(time, 'trail-carried', about)])
  }
  return carried
}

/** Signs every row behind a place in the chain, and moves the mark of the newest one. */
async function signFrom(db: Kysely<Schema>, seal: TrailSeal, from: Mark): Promise<void> {
  let { number, mac } = from
  for (;;) {
    const page = await rowsAfter(db, number)
    if (page.length === 0) break
    const signed = page.map((row) => {
      mac = macOf(seal, mac, row)
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
  await putMark(db, seal, 'head', { number, mac })
}

/** How a row says what was found. */
export function wordsFor({ rows, unproven, state, problem }: Carried): string {
  const counted = rowsOf(rows)
  switch (state) {
    case 'none':
      return rows === 0
        ? 'there was no trail before'
        : `${counted} before, never signed: not verifiable`
    case 'verified':
      return unproven === 0
        ? `${counted} before, verified`
        : `${rowsOf(rows - unproven)} before, verified; ${unproven} more, never signed: not verifiable`
    case 'foreign':
      return `${counted} before, signed by a key that is not here: not verifiable`
    case 'broken':
      return `${counted} before, not as they were written: ${problem}`
  }
}

function rowsOf(count: number): string {
  return count === 1 ? '1 row' : `${count} rows`
}

/** Takes a trail away, in a database that another one is copied into. */
export async function emptyTrail(db: Kysely<Schema>): Promise<void> {
  for (const table of ['audit', 'audit_marks'] as const) await db.deleteFrom(table).execute()
}
