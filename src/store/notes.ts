import type { Kysely, Transaction } from 'kysely'
import type { EntryWrites, NoteContent, NoteReads } from '../domain/vault'
import { entryColumns, entryReads, entryWrites, fromChange, fromEntry, toEntry } from './entries'
import type { Schema } from './schema'

export function noteReads(db: Kysely<Schema>): NoteReads {
  return {
    ...entryReads(db, 'notes'),

    async listByOwner(owner) {
      const rows = await db
        .selectFrom('notes')
        .select([...entryColumns, 'name', 'content'])
        .where('user_id', '=', owner)
        .orderBy('seq')
        .execute()
      return rows.map((row) => ({
        ...toEntry(row, owner),
        name: row.name,
        content: row.content,
      }))
    },
  }
}

export function noteWrites(db: Transaction<Schema>): NoteReads & EntryWrites<NoteContent> {
  return {
    ...noteReads(db),
    ...entryWrites(db, 'notes'),

    async insert(note) {
      const result = await db
        .insertInto('notes')
        .values({ ...fromEntry(note), name: note.name, content: note.content })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n
    },

    async update(note) {
      const result = await db
        .updateTable('notes')
        .set({ ...fromChange(note), name: note.name, content: note.content })
        .where('id', '=', note.id)
        .where('user_id', '=', note.owner)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },
  }
}
