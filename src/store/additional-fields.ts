import type { Kysely, Transaction } from 'kysely'
import type { AdditionalField, AdditionalFieldReads, AdditionalFieldWrites } from '../domain/vault'
import { batchesOf, padded } from './batches'
import type { OpenVault } from './entries'
import { prepareQueryOfTwo } from './prepared'
import type { Schema } from './schema'

/**
 * The owner of a record, with each of its fields if that is the user. One query, and prepared, because the Windows client requests the
 * fields of every record at once.
 */
const selectByRecord = prepareQueryOfTwo((db, user, recordId) =>
  db
    .selectFrom('records')
    .leftJoin('additional_fields as field', (join) =>
      join.onRef('field.record_id', '=', 'records.id').on('records.user_id', '=', user),
    )
    .select(['user_id as owner', 'field.id', 'field.name', 'field.value'])
    .where('records.id', '=', recordId)
    .orderBy('field.seq'),
)

export function additionalFieldReads(db: Kysely<Schema>): AdditionalFieldReads {
  return {
    async listByRecord(recordId, user) {
      const rows = await selectByRecord(db, user, recordId)
      const fields: AdditionalField[] = []
      for (const { id, name, value } of rows)
        if (id !== null && name !== null && value !== null)
          fields.push({ id, recordId, name, value })
      return { owner: rows[0]?.owner ?? null, fields }
    },

    async findOwner(id) {
      const row = await db
        .selectFrom('additional_fields')
        .innerJoin('records', 'records.id', 'record_id')
        .select('user_id')
        .where('additional_fields.id', '=', id)
        .executeTakeFirst()
      return row?.user_id ?? null
    },
  }
}

/** Each change raises the revision of the record: a record with its fields is one entry. */
export function additionalFieldWrites(
  db: Transaction<Schema>,
  { owner, revision, history }: OpenVault,
): AdditionalFieldWrites {
  const ownRecordIds = db.selectFrom('records').select('records.id').where('user_id', '=', owner)

  /** Returns false if the vault has no such record. */
  async function raiseRevision(recordId: string): Promise<boolean> {
    const result = await db
      .updateTable('records')
      .set({ revision })
      .where('id', '=', recordId)
      .where('user_id', '=', owner)
      .executeTakeFirst()
    return result.numUpdatedRows > 0n
  }

  return {
    async insert(field) {
      if (!(await raiseRevision(field.recordId))) return 'no such record'
      const result = await db
        .insertInto('additional_fields')
        .values({ id: field.id, record_id: field.recordId, name: field.name, value: field.value })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n ? 'added' : 'id taken'
    },

    async update(field) {
      const [, row] = await Promise.all([
        history.beforeFieldUpdate(field),
        db
          .updateTable('additional_fields')
          .set({ name: field.name, value: field.value })
          .where('id', '=', field.id)
          .where('record_id', 'in', ownRecordIds)
          .returning('record_id')
          .executeTakeFirst(),
      ])
      return row !== undefined && (await raiseRevision(row.record_id))
    },

    async delete(id) {
      const [, row] = await Promise.all([
        history.beforeFieldDelete(id),
        db
          .deleteFrom('additional_fields')
          .where('id', '=', id)
          .where('record_id', 'in', ownRecordIds)
          .returning('record_id')
          .executeTakeFirst(),
      ])
      return row !== undefined && (await raiseRevision(row.record_id))
    },

    async deleteOfRecords(recordIds) {
      if (recordIds.length === 0) return
      await db
        .deleteFrom('additional_fields')
        .where('record_id', 'in', padded(recordIds))
        .where('record_id', 'in', ownRecordIds)
        .execute()
    },

    async insertAll(recordId, fields) {
      for (const batch of batchesOf(fields)) {
        const result = await db
          .insertInto('additional_fields')
          .values(batch.map(({ id, name, value }) => ({ id, record_id: recordId, name, value })))
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst()
        if (result.numInsertedOrUpdatedRows !== BigInt(batch.length)) return false
      }
      return true
    },
  }
}
