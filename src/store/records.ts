import type { Transaction } from 'kysely'
import type { AdditionalField } from '../domain/additional-fields'
import type { RecordContent } from '../domain/records'
import type { EntryWrites, RecordReads } from '../domain/store'
import { entryReads, entryWrites, fromChange, fromEntry, inserted, toEntry } from './entries'
import type { Schema } from './schema'

export function recordReads(db: Transaction<Schema>): RecordReads {
  return {
    ...entryReads(db, 'records'),

    async listByOwner(owner) {
      const rows = await db
        .selectFrom('records')
        .selectAll()
        .where('user_id', '=', owner)
        .orderBy('seq')
        .execute()
      const fields = await fieldsByRecord(db, owner)
      return rows.map((row) => ({
        ...toEntry(row),
        name: row.name,
        login: row.login,
        password: row.password,
        additionalFields: fields.get(row.id) ?? [],
      }))
    },
  }
}

/** Every additional field of a user's vault in one query, by the id of its record. */
async function fieldsByRecord(
  db: Transaction<Schema>,
  owner: string,
): Promise<ReadonlyMap<string, readonly AdditionalField[]>> {
  const rows = await db
    .selectFrom('records')
    .innerJoin('additional_fields', 'additional_fields.record_id', 'records.id')
    .select(['additional_fields.id', 'record_id', 'additional_fields.name', 'value'])
    .where('user_id', '=', owner)
    // The record's place first: so the rows come out of the indexes in this order, without a sort.
    .orderBy('records.seq')
    .orderBy('additional_fields.seq')
    .execute()

  const byRecord = new Map<string, AdditionalField[]>()
  for (const row of rows) {
    const field = { id: row.id, recordId: row.record_id, name: row.name, value: row.value }
    const siblings = byRecord.get(row.record_id)
    if (siblings === undefined) byRecord.set(row.record_id, [field])
    else siblings.push(field)
  }
  return byRecord
}

export function recordWrites(db: Transaction<Schema>): RecordReads & EntryWrites<RecordContent> {
  return {
    ...recordReads(db),
    ...entryWrites(db, 'records'),

    async insert(record) {
      return await inserted(
        db
          .insertInto('records')
          .values({ ...fromEntry(record), ...fromContent(record) })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst(),
      )
    },

    async update(record) {
      const result = await db
        .updateTable('records')
        .set({ ...fromChange(record), ...fromContent(record) })
        .where('id', '=', record.id)
        .where('user_id', '=', record.owner)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },
  }
}

function fromContent({ name, login, password }: RecordContent) {
  return { name, login, password }
}
