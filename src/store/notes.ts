import type { Kysely, Transaction } from 'kysely'
import type { EntryWrites, NoteContent, NoteReads } from '../domain/vault'
import {
  entryColumns,
  entryReads,
  entryWrites,
  fromChange,
  fromEntry,
  toEntry,
  type VaultRevision,
} from './entries'
import { prepareQuery } from './prepared'
import type { Schema } from './schema'

const selectByOwner = prepareQuery((db, owner) =>
  db
    .selectFrom('notes')
    .select([...entryColumns, 'name', 'content'])
    .where('user_id', '=', owner)
    .orderBy('seq'),
)

export function noteReads(db: Kysely<Schema>): NoteReads {
  return {
    ...entryReads(db, 'notes'),

    async listByOwner(owner) {
      const rows = await selectByOwner(db, owner)
      return rows.map((row) => ({
        ...toEntry(row, owner),
        name: row.name,
        content: row.content,
      }))
    },
  }
}

export function noteWrites(
  db: Transaction<Schema>,
  vault: VaultRevision,
): EntryWrites<NoteContent> {
  return {
    ...entryWrites(db, 'notes', vault),

    async insert(note) {
      const result = await db
        .insertInto('notes')
        .values({ ...fromEntry(note, vault), name: note.name, content: note.content })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n
    },

    async update(note) {
      const result = await db
        .updateTable('notes')
        .set({ ...fromChange(note, vault.revision), name: note.name, content: note.content })
        .where('id', '=', note.id)
        .where('user_id', '=', vault.owner)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },
  }
}
