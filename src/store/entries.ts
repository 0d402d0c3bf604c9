import type { Kysely, Transaction } from 'kysely'
import type { EntryReads, EntryWrites, Revised, VaultEntry } from '../domain/vault'
import { padded } from './batches'
import { vaultRevision } from './generation'
import type { HistoryKeeper } from './history-keeper'
import type { Schema } from './schema'

/** A vault in a write transaction, the revision that it gets, and what keeps its entries before they change. */
export interface OpenVault {
  readonly owner: string
  readonly revision: number
  readonly history: HistoryKeeper
}

/** The tables of vault entries, which share the columns and queries of this file. */
type EntryTable = 'records' | 'notes'

const kindOf = { records: 'record', notes: 'note' } as const

/** The columns that are read of every entry. The owner is known from the query. */
export const entryColumns = [
  'id',
  'is_favorite',
  'is_deleted',
  'creation_time',
  'update_time',
] as const

/** The revision of an entry, in the columns of a query. */
export const revisionColumn = vaultRevision('revision').as('revision')

/** A row of `entryColumns` and `revisionColumn`. */
export interface EntryRow {
  id: string
  revision: number
  is_favorite: boolean | number
  is_deleted: boolean | number
  creation_time: number
  update_time: number
}

/** Converts a row to the part of an entry that records and notes share. */
export function toEntry(row: EntryRow, owner: string): Revised<VaultEntry> {
  return {
    revision: row.revision,
    id: row.id,
    owner,
    isFavorite: Boolean(row.is_favorite),
    isTrashed: Boolean(row.is_deleted),
    creationTime: row.creation_time,
    updateTime: row.update_time,
  }
}

/** Returns the columns of a new row that records and notes share. */
export function fromEntry(
  entry: Omit<VaultEntry, 'owner'>,
  { owner, revision }: Pick<OpenVault, 'owner' | 'revision'>,
) {
  return {
    ...fromChange(entry, revision),
    id: entry.id,
    user_id: owner,
    creation_time: entry.creationTime,
  }
}

/** Returns the columns to set in an existing row that records and notes share. */
export function fromChange(
  entry: Pick<VaultEntry, 'isFavorite' | 'isTrashed' | 'updateTime'>,
  revision: number,
) {
  return {
    revision,
    is_favorite: entry.isFavorite,
    is_deleted: entry.isTrashed,
    update_time: entry.updateTime,
  }
}

export function entryReads(db: Kysely<Schema>, table: EntryTable): EntryReads {
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

/** Returns the number of a new row: `order`, unless another row has that; undefined for the next one. */
export async function placeOf(
  db: Transaction<Schema>,
  table: EntryTable,
  order: number | undefined,
): Promise<{ seq?: number }> {
  if (order === undefined) return {}
  const row = await db.selectFrom(table).select('seq').where('seq', '=', order).executeTakeFirst()
  return row === undefined ? { seq: order } : {}
}

/** Returns the writes that are the same for records and notes. */
export function entryWrites(
  db: Transaction<Schema>,
  table: EntryTable,
  { owner, revision, history }: OpenVault,
): Pick<EntryWrites<unknown>, 'trash' | 'deleteTrashed' | 'deleteAll'> {
  const kind = kindOf[table]
  const deleteOwn = () => db.deleteFrom(table).where('user_id', '=', owner)

  return {
    async trash(id) {
      const result = await db
        .updateTable(table)
        .set({ is_deleted: true, revision })
        .where('id', '=', id)
        .where('user_id', '=', owner)
        .where('is_deleted', '=', false)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    async deleteTrashed(id) {
      const [, result] = await Promise.all([
        history.beforeTrashedDelete(kind, id),
        deleteOwn().where('id', '=', id).where('is_deleted', '=', true).executeTakeFirst(),
      ])
      return result.numDeletedRows > 0n
    },

    async deleteAll(ids) {
      if (ids.length === 0) return
      await Promise.all([
        history.beforeDelete(kind, ids),
        deleteOwn().where('id', 'in', padded(ids)).execute(),
      ])
    },
  }
}
