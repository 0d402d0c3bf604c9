import { type Kysely, type Selectable, sql } from 'kysely'
import type { AuditSigner, RowStatus } from '../../domain/audit'
import { isPostgres } from '../../engine/is-postgres'
import type { Schema } from '../schema'

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
export interface Checkpoint {
  readonly number: number
  readonly mac: string
  /** Empty where nothing was signed yet. */
  readonly seal: string
}

export type CheckpointName = 'begin' | 'head'

const unsignedCheckpoint: Checkpoint = { number: 0, mac: '', seal: '' }

/** The mac of a row behind the row with the mac `before`. */
export function computeRowMac(
  signer: AuditSigner,
  previousMac: string,
  row: Omit<ChainRow, 'mac'>,
): string {
  const { seq, time, kind, actor, user_id, email, address, count, detail } = row
  // Every column, by name: whoever adds one has to say what becomes of the rows from before.
  return signer.sign([
    ...['row', previousMac],
    ...[seq, time, kind, actor, user_id, email, address, count, detail],
  ])
}

function signCheckpoint(
  signer: AuditSigner,
  name: CheckpointName,
  { number, mac }: Omit<Checkpoint, 'seal'>,
) {
  return signer.sign([name, number, mac])
}

export function isCheckpointValid(
  signer: AuditSigner,
  name: CheckpointName,
  checkpoint: Checkpoint,
): boolean {
  return checkpoint.seal === signCheckpoint(signer, name, checkpoint)
}

/** The marks, null for those that were never signed or are not there. */
export async function readCheckpoints(
  db: Kysely<Schema>,
): Promise<Readonly<Record<CheckpointName, Checkpoint | null>>> {
  const checkpoints = await db
    .selectFrom('audit_marks')
    .select(['name', 'number', 'mac', 'seal'])
    .orderBy('seq')
    .execute()
  const find = (wanted: CheckpointName): Checkpoint | null => {
    const found = checkpoints.find(({ name }) => name === wanted)
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
export async function lockCheckpoints(
  db: Kysely<Schema>,
): Promise<Readonly<Record<CheckpointName, Checkpoint>>> {
  if (isPostgres(db)) await sql`select seq from audit_marks order by seq for update`.execute(db)
  const found = await readCheckpoints(db)
  if (found.begin === null || found.head === null) {
    await db
      .insertInto('audit_marks')
      .values(['begin', 'head'].map((name) => ({ name, ...unsignedCheckpoint })))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
  return { begin: found.begin ?? unsignedCheckpoint, head: found.head ?? unsignedCheckpoint }
}

/**
 * Waits for everybody who appends, before a transaction has seen anything: what it sees then is the newest there is, so
 * that its append can't fail for having come too late. Only Postgres knows the need.
 */
export async function lockAuditLog(db: Kysely<Schema>): Promise<void> {
  // No other statement waits without taking its view of the rows first.
  if (isPostgres(db)) await sql`lock table audit_marks in exclusive mode`.execute(db)
}

/** Moves a mark and signs it. */
export async function saveCheckpoint(
  db: Kysely<Schema>,
  signer: AuditSigner,
  name: CheckpointName,
  checkpoint: Omit<Checkpoint, 'seal'>,
): Promise<void> {
  const { number, mac } = checkpoint
  await db
    .updateTable('audit_marks')
    .set({ number, mac, seal: signCheckpoint(signer, name, checkpoint) })
    .where('name', '=', name)
    .execute()
}

export async function findLastAuditRow(
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
export async function listAuditRowsAfter(
  db: Kysely<Schema>,
  after: number,
  maxRows = 512,
): Promise<readonly ChainRow[]> {
  return await db
    .selectFrom('audit')
    .select(chainColumns)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(maxRows)
    .execute()
}

/** A place in the chain as the log has it. */
export function formatCheckpoint({ number, mac }: Omit<Checkpoint, 'seal'>): string {
  return `${number}:${mac}`
}

/** What became of the row with such a value, as far as the marks are right. */
export async function lookUpRowStatus(db: Kysely<Schema>, value: string): Promise<RowStatus> {
  const { begin } = await readCheckpoints(db)
  if (begin !== null && formatCheckpoint(begin) === value) return 'found'
  const number = Number.parseInt(value, 10)
  if (begin !== null && number < begin.number) return 'pruned'
  const row = await db
    .selectFrom('audit')
    .select('mac')
    .where('seq', '=', number)
    .executeTakeFirst()
  return row !== undefined && formatCheckpoint({ number, mac: row.mac }) === value
    ? 'found'
    : 'missing'
}
