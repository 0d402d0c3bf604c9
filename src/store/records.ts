import type { Kysely, Transaction } from 'kysely'
import type {
  AdditionalField,
  EntryWrites,
  RecordContent,
  RecordReads,
  Revised,
  VaultRecordWithFields,
} from '../domain/vault'
import { padded } from './batches'
import {
  type EntryRow,
  entryColumns,
  entryReads,
  entryWrites,
  fromChange,
  fromEntry,
  type OpenVault,
  placeOf,
  revisionColumn,
  toEntry,
} from './entries'
import { prepareQuery } from './prepared'
import type { Schema } from './schema'

const recordColumns = [...entryColumns, revisionColumn, 'name', 'login', 'password'] as const

const fieldColumns = [
  'field.id',
  'field.record_id as recordId',
  'field.name',
  'field.value',
] as const

const selectByOwner = prepareQuery((db, owner) =>
  db.selectFrom('records').select(recordColumns).where('user_id', '=', owner).orderBy('seq'),
)

/** Every additional field of a user's vault. */
const selectFieldsByOwner = prepareQuery((db, owner) =>
  db
    .selectFrom('records')
    .innerJoin('additional_fields as field', 'field.record_id', 'records.id')
    .select(fieldColumns)
    .where('user_id', '=', owner)
    // By record first: in this order the indexes return the rows without a sort.
    .orderBy('records.seq')
    .orderBy('field.seq'),
)

export function recordReads(db: Kysely<Schema>): RecordReads {
  return {
    ...entryReads(db, 'records'),

    async listByOwner(owner) {
      // Sent together: on Postgres the second query does not wait for the answer to the first.
      const [rows, fields] = await Promise.all([
        selectByOwner(db, owner),
        selectFieldsByOwner(db, owner),
      ])
      return toRecords(rows, fields, owner)
    },

    async listByIds(owner, ids) {
      if (ids.length === 0) return []
      const records = db
        .selectFrom('records')
        .select(recordColumns)
        .where('user_id', '=', owner)
        .where('id', 'in', padded(ids))
        .orderBy('seq')
      const fields = db
        .selectFrom('additional_fields as field')
        .select(fieldColumns)
        .where('field.record_id', 'in', padded(ids))
        .orderBy('field.seq')
      return toRecords(...(await Promise.all([records.execute(), fields.execute()])), owner)
    },
  }
}

function toRecords(
  rows: readonly (EntryRow & RecordContent)[],
  fields: readonly AdditionalField[],
  owner: string,
): readonly Revised<VaultRecordWithFields>[] {
  const fieldsByRecord = Map.groupBy(fields, ({ recordId }) => recordId)
  return rows.map((row) => ({
    ...toEntry(row, owner),
    name: row.name,
    login: row.login,
    password: row.password,
    additionalFields: fieldsByRecord.get(row.id) ?? [],
  }))
}

export function recordWrites(
  db: Transaction<Schema>,
  vault: OpenVault,
): EntryWrites<RecordContent> {
  return {
    ...entryWrites(db, 'records', vault),

    async insert(record, order) {
      const place = await placeOf(db, 'records', order)
      const result = await db
        .insertInto('records')
        .values({ ...place, ...fromEntry(record, vault), ...fromContent(record) })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n
    },

    async update(record) {
      const [, result] = await Promise.all([
        vault.history.beforeRecordUpdate(record),
        db
          .updateTable('records')
          .set({ ...fromChange(record, vault.revision), ...fromContent(record) })
          .where('id', '=', record.id)
          .where('user_id', '=', vault.owner)
          .executeTakeFirst(),
      ])
      return result.numUpdatedRows > 0n
    },
  }
}

function fromContent({ name, login, password }: RecordContent) {
  return { name, login, password }
}
