import { type Kysely, type Selectable, sql } from 'kysely'
import type { TrailSeal, Whereabouts } from '../domain/audit'
import { isPostgres } from '../engine/is-postgres'
import type { Schema } from './schema'

/**
 * The audit trail is a chain. The `mac` of a row signs all its columns and the mac of the row before, so none can be
 * changed, put in or taken out of the middle by somebody who can write to the database and lacks the secret key. Two
 * marks are signed as well: `begin` is the last row that was pruned, `head` the newest one, so neither end can be cut.
 *
 * What a whole database was rolled back to cannot be seen from within: that is what the newest value in the log is for.
 */
export type ChainRow = Selectable<Schema['audit']>

export const chainColumns = [
  'seq',
  'time',
  'kind',
  'actor',
  'user_id',
  'email',
  'address',
  'count',
  'detail',
  'mac',
] as const satisfies readonly (keyof ChainRow)[]

/** A place in the chain. Number 0 is before the first row. */
export interface Mark {
  readonly number: number
  readonly mac: string
  /** Empty where nothing was signed yet. */
  readonly seal: string
}

export type MarkName = 'begin' | 'head'

const unsigned: Mark = { number: 0, mac: '', seal: '' }

/** The mac of a row behind the row with the mac `before`. */
export function macOf(seal: TrailSeal, before: string, row: Omit<ChainRow, 'mac'>): string {
  const { seq, time, kind, actor, user_id, email, address, count, detail } = row
  // Every column, by name: whoever adds one has to say what becomes of the rows from before.
  return seal.of([
    ...['row', before],
    ...[seq, time, kind, actor, user_id, email, address, count, detail],
  ])
}

function sealOf(seal: TrailSeal, name: MarkName, { number, mac }: Omit<Mark, 'seal'>) {
  return seal.of([name, number, mac])
}

export function isSealed(seal: TrailSeal, name: MarkName, mark: Mark): boolean {
  return mark.seal === sealOf(seal, name, mark)
}

/** The marks, null for those that were never signed or are not there. */
export async function findMarks(
  db: Kysely<Schema>,
): Promise<Readonly<Record<MarkName, Mark | null>>> {
  const marks = await db
    .selectFrom('audit_marks')
    .select(['name', 'number', 'mac', 'seal'])
    .orderBy('seq')
    .execute()
  const find = (wanted: MarkName): Mark | null => {
    const found = marks.find(({ name }) => name === wanted)
    if (found === undefined) return null
    const { number, mac, seal } = found
    // One that was only made to be locked.
    return number === 0 && mac === '' && seal === '' ? null : { number, mac, seal }
  }
  return { begin: find('begin'), head: find('head') }
}

/**
 * The marks, which nobody else changes until the transaction ends: the one lock by which all that append take turns, on
 * Postgres; SQLite has one writer. Those that are missing are made, unsigned.
 */
export async function lockMarks(db: Kysely<Schema>): Promise<Readonly<Record<MarkName, Mark>>> {
  if (isPostgres(db)) await sql`select seq from audit_marks order by seq for update`.execute(db)
  const found = await findMarks(db)
  if (found.begin === null || found.head === null) {
    await db
      .insertInto('audit_marks')
      .values(['begin', 'head'].map((name) => ({ name, ...unsigned })))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
  return { begin: found.begin ?? unsigned, head: found.head ?? unsigned }
}

/**
 * Waits for everybody who appends, before a transaction has seen anything: what it sees then is the newest there is, so
 * that its append can't fail for having come too late. Only Postgres knows the need.
 */
export async function awaitTurn(db: Kysely<Schema>): Promise<void> {
  // No other statement waits without taking its view of the rows first.
  if (isPostgres(db)) await sql`lock table audit_marks in exclusive mode`.execute(db)
}

/** Moves a mark and signs it. */
export async function putMark(
  db: Kysely<Schema>,
  seal: TrailSeal,
  name: MarkName,
  place: Omit<Mark, 'seal'>,
): Promise<void> {
  const { number, mac } = place
  await db
    .updateTable('audit_marks')
    .set({ number, mac, seal: sealOf(seal, name, place) })
    .where('name', '=', name)
    .execute()
}

export async function lastRow(
  db: Kysely<Schema>,
): Promise<{ readonly seq: number; readonly mac: string } | null> {
  const row = await db
    .selectFrom('audit')
    .select(['seq', 'mac'])
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row ?? null
}

/** Rows behind a number, in their order: memory does not grow with the trail. */
export async function rowsAfter(
  db: Kysely<Schema>,
  after: number,
  most = 512,
): Promise<readonly ChainRow[]> {
  return await db
    .selectFrom('audit')
    .select(chainColumns)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(most)
    .execute()
}

/** A place in the chain as the log has it. */
export function chainValue({ number, mac }: Omit<Mark, 'seal'>): string {
  return `${number}:${mac}`
}

/** What became of the row with such a value, as far as the marks are right. */
export async function lookForValue(db: Kysely<Schema>, value: string): Promise<Whereabouts> {
  const { begin } = await findMarks(db)
  if (begin !== null && chainValue(begin) === value) return 'found'
  const number = Number.parseInt(value, 10)
  if (begin !== null && number < begin.number) return 'pruned'
  const row = await db
    .selectFrom('audit')
    .select('mac')
    .where('seq', '=', number)
    .executeTakeFirst()
  return row !== undefined && chainValue({ number, mac: row.mac }) === value ? 'found' : 'missing'
}
