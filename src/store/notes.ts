import type { Kysely, Transaction } from 'kysely'
import type { EntryWrites, Note, NoteContent, NoteReads, Revised } from '../domain/vault'
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

const noteColumns = [...entryColumns, revisionColumn, 'name', 'content'] as const

const selectByOwner = prepareQuery((db, owner) =>
  db.selectFrom('notes').select(noteColumns).where('user_id', '=', owner).orderBy('seq'),
)

export function noteReads(db: Kysely<Schema>): NoteReads {
  return {
    ...entryReads(db, 'notes'),

    async listByOwner(owner) {
      return (await selectByOwner(db, owner)).map((row) => toNote(row, owner))
    },

    async listByIds(owner, ids) {
      if (ids.length === 0) return []
      const rows = await db
        .selectFrom('notes')
        .select(noteColumns)
        .where('user_id', '=', owner)
        .where('id', 'in', padded(ids))
        .orderBy('seq')
        .execute()
      return rows.map((row) => toNote(row, owner))
    },
  }
}

export function noteWrites(db: Transaction<Schema>, vault: OpenVault): EntryWrites<NoteContent> {
  return {
    ...entryWrites(db, 'notes', vault),

    async insert(note, order) {
      const place = await placeOf(db, 'notes', order)
      const result = await db
        .insertInto('notes')
        .values({ ...place, ...fromEntry(note, vault), name: note.name, content: note.content })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n
    },

    async update(note) {
      const [, result] = await Promise.all([
        vault.history.beforeNoteUpdate(note),
        db
          .updateTable('notes')
          .set({ ...fromChange(note, vault.revision), name: note.name, content: note.content })
          .where('id', '=', note.id)
          .where('user_id', '=', vault.owner)
          .executeTakeFirst(),
      ])
      return result.numUpdatedRows > 0n
    },
  }
}

function toNote(row: EntryRow & NoteContent, owner: string): Revised<Note> {
  return { ...toEntry(row, owner), name: row.name, content: row.content }
}
