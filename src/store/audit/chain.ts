/**
 * The audit log is a chain of signed rows. The MAC of a row signs all its columns and the MAC of the row before it. So
 * anyone who can write to the database but lacks the secret key can't change, insert or remove a row in the middle
 * unnoticed.
 *
 * Two signed checkpoints protect the ends: `begin` names the last row that was pruned, `head` the newest row.
 *
 * A whole database that was rolled back to an older state is consistent in itself. To detect that, the server writes
 * the checkpoint `head` to its log (`17:3f…`), and `audit verify --expect` compares it.
 */
import { type Kysely, type Selectable, sql } from 'kysely'
import type { AuditSigner, RowStatus } from '../../domain/audit'
import { isPostgres } from '../../engine/is-postgres'
import type { Schema } from '../schema'

/** A row of the audit log as it is stored. `mac` is empty while the database has no key. */
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

/** Maximum number of rows that one statement reads or writes, so that memory does not grow with the log. */
export const auditPageSize = 512

/** A position in the chain: number and MAC of a row. Number 0 is before the first row. */
export interface ChainPosition {
  readonly number: number
  readonly mac: string
}

/** A stored position. */
export interface Checkpoint extends ChainPosition {
  /** Empty if nothing was signed yet. */
  readonly signature: string
}

export type CheckpointName = 'begin' | 'head'

const unsignedCheckpoint: Checkpoint = { number: 0, mac: '', signature: '' }

/** Returns the MAC of a row that follows a row with the MAC `previousMac`. */
export function computeRowMac(
  signer: AuditSigner,
  previousMac: string,
  row: Omit<ChainRow, 'mac'>,
): string {
  const { seq, time, kind, actor, user_id, email, address, count, detail } = row
  // Each column by name: the MACs of existing rows do not cover a column that is added later.
  return signer.sign([
    ...['row', previousMac],
    ...[seq, time, kind, actor, user_id, email, address, count, detail],
  ])
}

function signCheckpoint(signer: AuditSigner, name: CheckpointName, { number, mac }: ChainPosition) {
  return signer.sign([name, number, mac])
}

export function isCheckpointValid(
  signer: AuditSigner,
  name: CheckpointName,
  checkpoint: Checkpoint,
): boolean {
  return checkpoint.signature === signCheckpoint(signer, name, checkpoint)
}

/** Returns the checkpoints, null for one that was never signed or is missing. */
export async function readCheckpoints(
  db: Kysely<Schema>,
): Promise<Readonly<Record<CheckpointName, Checkpoint | null>>> {
  const checkpoints = await db
    .selectFrom('audit_marks')
    .select(['name', 'number', 'mac', 'seal as signature'])
    .orderBy('seq')
    .execute()
  const find = (wanted: CheckpointName): Checkpoint | null => {
    const found = checkpoints.find(({ name }) => name === wanted)
    if (found === undefined) return null
    const { number, mac, signature } = found
    // A row that was only created to be locked.
    return number === 0 && mac === '' && signature === '' ? null : { number, mac, signature }
  }
  return { begin: find('begin'), head: find('head') }
}

/**
 * Returns the checkpoints after all transactions that append before this one; those that append later wait for its end. Creates
 * missing checkpoints, unsigned. Call it before anything else of the log is read. SQLite has one writer anyway.
 */
export async function lockCheckpoints(
  db: Kysely<Schema>,
): Promise<Readonly<Record<CheckpointName, Checkpoint>>> {
  if (isPostgres(db)) await sql`lock table audit_marks in exclusive mode`.execute(db)
  const found = await readCheckpoints(db)
  if (found.begin === null || found.head === null) {
    await db
      .insertInto('audit_marks')
      .values(['begin', 'head'].map((name) => ({ name, number: 0, mac: '', seal: '' })))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
  return { begin: found.begin ?? unsignedCheckpoint, head: found.head ?? unsignedCheckpoint }
}

/** Moves a checkpoint and signs it. */
export async function saveCheckpoint(
  db: Kysely<Schema>,
  signer: AuditSigner,
  { name, number, mac }: ChainPosition & { readonly name: CheckpointName },
): Promise<void> {
  await db
    .updateTable('audit_marks')
    .set({ number, mac, seal: signCheckpoint(signer, name, { number, mac }) })
    .where('name', '=', name)
    .execute()
}

/** Returns number and MAC of the last row, whatever the checkpoint `head` says. Null if there are no rows. */
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

/** Returns the next rows after a number, in their order. */
export async function listAuditRowsAfter(
  db: Kysely<Schema>,
  after: number,
  maxRows = auditPageSize,
): Promise<readonly ChainRow[]> {
  return await db
    .selectFrom('audit')
    .select(chainColumns)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(maxRows)
    .execute()
}

/** Returns a position in the chain as the server logs it: `17:3f…`. */
export function formatCheckpoint({ number, mac }: ChainPosition): string {
  return `${number}:${mac}`
}

/**
 * Returns what happened to the row that a value from the log names (`formatCheckpoint`). Trusts the checkpoints: verify
 * them first.
 */
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
