import { type Kysely, sql } from 'kysely'
import type {
  AdditionalFieldChange,
  EntryKind,
  HistoryKeeping,
  NoteContent,
  RecordContent,
  VaultHistory,
} from '../domain/vault'
import { maxVersionsPerEntry, type Version } from '../domain/versions'
import {
  deleteSurplus,
  deleteUpTo,
  type KeptRow,
  keepEntries,
  keepRecordOfField,
  keepRecordOfUpdatedField,
  keepTrashed,
  keepUpdatedNote,
  keepUpdatedRecord,
  savesTotals,
  saveTotals,
  selectOldest,
} from './history-statements'
import type { Schema } from './schema'

/**
 * Keeps the entries of a vault, before each change that replaces or deletes ciphertext. That costs one statement, and on SQLite
 * a second one for what has to be kept. The statement is sent before a call returns its promise: the change may be sent at once, and
 * comes after it.
 */
export interface HistoryKeeper extends VaultHistory {
  beforeRecordUpdate(record: RecordContent & { readonly id: string }): Promise<void>
  beforeNoteUpdate(note: NoteContent & { readonly id: string }): Promise<void>
  beforeFieldUpdate(field: AdditionalFieldChange): Promise<void>
  beforeFieldDelete(fieldId: string): Promise<void>
  /** An entry outside the trash is not kept. */
  beforeTrashedDelete(kind: EntryKind, id: string): Promise<void>
  beforeDelete(kind: EntryKind, ids: readonly string[]): Promise<void>
}

/** What the row of an account says of its history. */
interface HistoryTotals {
  /** That of the last version. */
  readonly number: number
  /** The sum of all sizes. */
  readonly bytes: number
}

/** The first parameters of a statement that keeps entries. */
type Base = readonly [number: number, time: number, owner: string]

/** Returns the keeper of one vault. `totals` are of this transaction, in which nobody else changes them. */
export function createHistoryKeeper(
  db: Kysely<Schema>,
  owner: string,
  { keeping, totals }: { keeping: HistoryKeeping | null; totals: HistoryTotals },
): HistoryKeeper {
  let { number, bytes } = totals
  /** The entries of which a replacement keeps nothing more in this transaction, as `kind id`. */
  const kept = new Set<string>()

  /** Runs a statement that keeps entries, and makes room for them. */
  async function keep(insert: (base: Base) => Promise<readonly KeptRow[]>): Promise<void> {
    if (keeping === null) return
    const { now, maxBytes } = keeping
    const before = number
    const rows = await insert([before, now, owner])
    if (rows.length === 0) return
    number += rows.length
    for (const { size } of rows) bytes += size
    const all = bytes
    if (rows.some(({ versions }) => versions >= maxVersionsPerEntry)) {
      for (const { size } of await deleteSurplus(db, owner, owner, owner, before)) bytes -= size
    }
    if (rows.some(({ size }) => size > maxBytes)) await deleteTooLarge(before, maxBytes)
    while (bytes > maxBytes) await deleteOldest(maxBytes)
    if (bytes !== all || !savesTotals(db)) await saveTotals(db, number, bytes, owner)
  }

  /** Deletes new versions for which all others would have to go in vain. */
  async function deleteTooLarge(before: number, maxBytes: number): Promise<void> {
    const { rows } = await sql<{ size: number }>`
      delete from history where user_id = ${owner} and number > ${before} and size > ${maxBytes}
      returning size`.execute(db)
    for (const { size } of rows) bytes -= size
  }

  async function deleteOldest(maxBytes: number): Promise<void> {
    let last = 0
    for (const oldest of await selectOldest(db, owner)) {
      if (bytes <= maxBytes) break
      bytes -= oldest.size
      last = oldest.number
    }
    // Nothing is left, whatever the account's row says: no write fails for that.
    if (last === 0) bytes = 0
    else await deleteUpTo(db, owner, last)
  }

  /** Keeps entries by their ids. */
  async function keepAll(
    ids: readonly string[],
    what: { kind: EntryKind; reason: Version['reason']; isAlways: boolean },
  ): Promise<void> {
    const { kind, isAlways } = what
    const left = isAlways ? ids : ids.filter((id) => !kept.has(`${kind} ${id}`))
    if (left.length === 0) return
    await keep(
      async (base) => (await keepEntries(db, { ...what, base, ids: left }).execute(db)).rows,
    )
    for (const id of left) kept.add(`${kind} ${id}`)
  }

  return {
    async beforeRecordUpdate({ id, name, login, password }) {
      if (kept.has(`record ${id}`)) return
      await keep((base) => keepUpdatedRecord(db, ...base, id, name, login, password, base[1]))
    },
    async beforeNoteUpdate({ id, name, content }) {
      if (kept.has(`note ${id}`)) return
      await keep((base) => keepUpdatedNote(db, ...base, id, name, content, base[1]))
    },
    beforeFieldUpdate: ({ id, name, value }) =>
      keep((base) => keepRecordOfUpdatedField(db, ...base, id, name, value, base[1])),
    beforeFieldDelete: (id) => keep((base) => keepRecordOfField(db, ...base, id, base[1])),
    beforeTrashedDelete: (kind, id) => keep((base) => keepTrashed[kind](db, ...base, id)),
    beforeDelete: (kind, ids) => keepAll(ids, { kind, reason: 'deleted', isAlways: true }),
    keepReplaced: (kind, ids) => keepAll(ids, { kind, reason: 'replaced', isAlways: false }),
    keepAlways: (kind, ids) => keepAll(ids, { kind, reason: 'replaced', isAlways: true }),

    async forget() {
      await db.deleteFrom('history').where('user_id', '=', owner).execute()
      bytes = 0
      await saveTotals(db, number, bytes, owner)
    },
  }
}
