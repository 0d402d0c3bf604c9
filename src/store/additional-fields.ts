import type { Kysely, Transaction } from 'kysely'
import { DomainError } from '../domain/errors'
import type { AdditionalFieldReads, AdditionalFieldWrites } from '../domain/vault'
import { engineFault } from '../engine/faults'
import { prepareQuery } from './prepared'
import type { Schema } from './schema'

/** Prepared because the Windows client requests the fields of every record at once. */
const selectByRecord = prepareQuery((db, recordId) =>
  db
    .selectFrom('additional_fields')
    .select(['id', 'record_id as recordId', 'name', 'value'])
    .where('record_id', '=', recordId)
    .orderBy('seq'),
)

export function additionalFieldReads(db: Kysely<Schema>): AdditionalFieldReads {
  return {
    async listByRecord(recordId) {
      return await selectByRecord(db, recordId)
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

export function additionalFieldWrites(
  db: Transaction<Schema>,
): AdditionalFieldReads & AdditionalFieldWrites {
  const recordIdsOf = (owner: string) =>
    db.selectFrom('records').select('records.id').where('user_id', '=', owner)

  return {
    ...additionalFieldReads(db),

    async insert(field) {
      const insert = db
        .insertInto('additional_fields')
        .values({ id: field.id, record_id: field.recordId, name: field.name, value: field.value })
        .onConflict((conflict) => conflict.doNothing())
      try {
        return (await insert.executeTakeFirst()).numInsertedOrUpdatedRows === 1n
      } catch (error) {
        if (engineFault(error) !== 'orphan') throw error
        const message = `Record with id ${field.recordId} doesn't exist`
        throw new DomainError('not_found', message, { cause: error })
      }
    },

    async update(owner, field) {
      const result = await db
        .updateTable('additional_fields')
        .set({ name: field.name, value: field.value })
        .where('id', '=', field.id)
        .where('record_id', 'in', recordIdsOf(owner))
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    async delete(owner, id) {
      const result = await db
        .deleteFrom('additional_fields')
        .where('id', '=', id)
        .where('record_id', 'in', recordIdsOf(owner))
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    },
  }
}
