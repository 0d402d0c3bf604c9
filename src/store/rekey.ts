import { setImmediate } from 'node:timers/promises'
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type { RekeyedVault } from '../domain/vault'
import { batchesOf } from './batches'
import type { OpenVault } from './entries'
import type { Schema } from './schema'

/** A row and its new texts, in the order of the columns. */
type RekeyedRow = readonly [id: string, ...texts: readonly string[]]

/** Replaces the ciphertext of a vault: see `WritableVault.rekey`. */
export async function rekeyVault(
  db: Transaction<Schema>,
  { owner, revision }: Pick<OpenVault, 'owner' | 'revision'>,
  { records, notes }: RekeyedVault,
): Promise<boolean> {
  const fields = records.flatMap(({ id: recordId, additionalFields }) =>
    additionalFields.map((field) => ({ ...field, recordId })),
  )
  const given = {
    records: records.map(({ id }) => id),
    notes: notes.map(({ id }) => id),
    fields: fields.map(placeOf),
  }
  const present = await listIds(db, owner)
  const isWhole =
    isSameSet(given.records, present.records) &&
    isSameSet(given.notes, present.notes) &&
    isSameSet(given.fields, present.fields)
  if (!isWhole) return false

  await update(
    records.map(({ id, name, login, password }) => [id, name, login, password]),
    (rows) =>
      sql`update records set name = v.column2, login = v.column3, password = v.column4, revision = ${revision}
      from (values ${rows}) as v where records.id = v.column1 and records.user_id = ${owner}`.execute(
        db,
      ),
  )
  await update(
    fields.map(({ id, name, value }) => [id, name, value]),
    (rows) =>
      sql`update additional_fields set name = v.column2, value = v.column3
      from (values ${rows}) as v where additional_fields.id = v.column1 and exists (
        select 1 from records where records.id = additional_fields.record_id and records.user_id = ${owner}
      )`.execute(db),
  )
  await update(
    notes.map(({ id, name, content }) => [id, name, content]),
    (rows) =>
      sql`update notes set name = v.column2, content = v.column3, revision = ${revision}
      from (values ${rows}) as v where notes.id = v.column1 and notes.user_id = ${owner}`.execute(
        db,
      ),
  )
  return true
}

/** Names a field with its record. JSON, since ids are any texts. */
function placeOf({ id, recordId }: { readonly id: string; readonly recordId: string }): string {
  return JSON.stringify([id, recordId])
}

async function listIds(db: Kysely<Schema>, owner: string) {
  const idsOf = async (table: 'records' | 'notes') => {
    const rows = await db.selectFrom(table).select('id').where('user_id', '=', owner).execute()
    return rows.map(({ id }) => id)
  }
  const fields = await db
    .selectFrom('records')
    .innerJoin('additional_fields as field', 'field.record_id', 'records.id')
    .select(['field.id', 'field.record_id as recordId'])
    .where('user_id', '=', owner)
    .execute()
  return {
    records: await idsOf('records'),
    notes: await idsOf('notes'),
    fields: fields.map(placeOf),
  }
}

/** Whether a list has each element of a set once. */
function isSameSet(given: readonly string[], present: readonly string[]): boolean {
  const missing = new Set(present)
  return given.every((id) => missing.delete(id)) && missing.size === 0
}

async function update(
  rows: readonly RekeyedRow[],
  run: (rows: RawBuilder<unknown>) => Promise<{ readonly numAffectedRows?: bigint }>,
): Promise<void> {
  for (const batch of batchesOf(rows)) {
    const { numAffectedRows } = await run(sql.join(batch.map((row) => sql`(${sql.join(row)})`)))
    if (numAffectedRows !== BigInt(batch.length)) throw new Error('a row of the vault has gone')
    // SQLite answers at once, and other requests would wait for the whole vault.
    await setImmediate()
  }
}
