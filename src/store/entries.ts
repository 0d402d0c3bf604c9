import type { InsertResult, Transaction } from 'kysely'
import { DomainError } from '../domain/errors'
import type { EntryReads, EntryWrites, VaultEntry } from '../domain/vault'
import { engineFault } from '../engine/faults'

import type { Schema } from './schema'

/** The tables whose rows are vault entries: they share these columns and queries. */
type EntryTable = 'records' | 'notes'

/** What is read of every entry; its owner is known by then. */
export const entryColumns = [
  'id',
  'is_favorite',
  'is_deleted',
  'creation_time',
  'update_time',
] as const

interface EntryRow {
  id: string
  is_favorite: boolean | number
  is_deleted: boolean | number
  creation_time: number
  update_time: number
}

/** A row of `entryColumns` as a domain entry, for a kind to add its content to. */
export function toEntry(row: EntryRow, owner: string): VaultEntry {
  return {
    id: row.id,
    owner,
    isFavorite: Boolean(row.is_favorite),
    isTrashed: Boolean(row.is_deleted),
    creationTime: row.creation_time,
    updateTime: row.update_time,
  }
}

/** The columns of a new entry that every kind of entry has. */
export function fromEntry(entry: VaultEntry) {
  return {
    ...fromChange(entry),
    id: entry.id,
    user_id: entry.owner,
    creation_time: entry.creationTime,
  }
}

/** The columns that a change of an entry sets, whatever its kind. */
export function fromChange(entry: Omit<VaultEntry, 'creationTime'>) {
  return {
    is_favorite: entry.isFavorite,
    is_deleted: entry.isTrashed,
    update_time: entry.updateTime,
  }
}

export function entryReads(db: Transaction<Schema>, table: EntryTable): EntryReads {
  return {
    async findOwner(id) {
      const row = await db
        .selectFrom(table)
        .select('user_id')
        .where('id', '=', id)
        .executeTakeFirst()
      return row?.user_id ?? null
    },
  }
}

/** What can be done to an entry without a look at its content. */
export function entryWrites(
  db: Transaction<Schema>,
  table: EntryTable,
): EntryReads & Pick<EntryWrites<unknown>, 'trash' | 'deleteTrashed'> {
  return {
    ...entryReads(db, table),

    async trash(owner, id) {
      const result = await db
        .updateTable(table)
        .set({ is_deleted: true })
        .where('id', '=', id)
        .where('user_id', '=', owner)
        .where('is_deleted', '=', false)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    async deleteTrashed(owner, id) {
      const result = await db
        .deleteFrom(table)
        .where('id', '=', id)
        .where('user_id', '=', owner)
        .where('is_deleted', '=', true)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    },
  }
}

/** Whether an entry went in: false when its id is taken. Throws `unauthenticated` when its owner is gone. */
export function wasEntryInserted(insert: Promise<InsertResult>): Promise<boolean> {
  // The account was deleted after the session was checked.
  return wasInserted(
    insert,
    (cause) => new DomainError('unauthenticated', 'Token is invalid', { cause }),
  )
}

/** Whether a row went in: false when its id is taken. Throws `orphaned` when the row that it hangs on is gone. */
export async function wasInserted(
  insert: Promise<InsertResult>,
  orphanError: (cause: unknown) => DomainError,
): Promise<boolean> {
  try {
    return (await insert).numInsertedOrUpdatedRows === 1n
  } catch (error) {
    throw engineFault(error) === 'orphan' ? orphanError(error) : error
  }
}
