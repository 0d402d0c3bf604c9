import { type Kysely, sql, type Transaction } from 'kysely'
import { maxBehind } from '../domain/known-time'
import { parseJson } from '../domain/untrusted'
import type { AdditionalField, EntryKind } from '../domain/vault'
import type { HistoryReads, HistoryWrites, Version } from '../domain/versions'
import { storedRevision, vaultRevision } from './generation'
import type { Schema } from './schema'

const versionColumns = [
  vaultRevision('number').as('number'),
  'kind',
  'entry_id',
  'reason',
  'time',
  'size',
] as const

const contentColumns = [
  'entry_seq',
  'is_favorite',
  'is_deleted',
  'creation_time',
  'update_time',
  'name',
  'login',
  'password',
  'content',
  'fields',
] as const

interface VersionRow {
  number: number
  kind: string
  entry_id: string
  reason: string
  time: number
  size: number
}

interface ContentRow extends VersionRow {
  entry_seq: number
  is_favorite: boolean | number
  is_deleted: boolean | number
  creation_time: number
  update_time: number
  name: string
}

export function historyReads(db: Kysely<Schema>): HistoryReads {
  return {
    async list(owner) {
      const rows = await db
        .selectFrom('history')
        .select(versionColumns)
        .where('user_id', '=', owner)
        .orderBy('history.number', 'desc')
        .execute()
      return rows.map(toVersion)
    },

    async read(owner, which) {
      const rows = await db
        .selectFrom('history')
        .select([...versionColumns, ...contentColumns])
        .where('user_id', '=', owner)
        .where(
          'entryId' in which
            ? sql<boolean>`entry_id = ${which.entryId}`
            : sql<boolean>`history.number = ${storedRevision(which.number)}`,
        )
        .orderBy('history.number', 'desc')
        .execute()
      const records = rows.flatMap((row) => {
        const { login, password } = row
        if (login === null || password === null) return []
        const additionalFields = parseFields(row.fields ?? '', row.entry_id)
        const entry = { ...toEntry(row, owner), login, password, additionalFields }
        return [{ ...toVersion(row), order: row.entry_seq, entry }]
      })
      const notes = rows.flatMap((row) => {
        const { content } = row
        if (content === null) return []
        return [
          { ...toVersion(row), order: row.entry_seq, entry: { ...toEntry(row, owner), content } },
        ]
      })
      return { records, notes }
    },

    async size(owner) {
      let query = db
        .selectFrom('history')
        .select(({ fn }) => [fn.countAll().as('versions'), fn.sum('size').as('bytes')])
      if (owner !== null) query = query.where('user_id', '=', owner)
      const { versions, bytes } = await query.executeTakeFirstOrThrow()
      return { versions: Number(versions), bytes: Number(bytes ?? 0) }
    },

    async listOwnersOfOld(before, max) {
      const rows = await db
        .selectFrom('history')
        .select('user_id')
        .distinct()
        .where('time', '<=', before)
        .orderBy('user_id')
        .limit(max)
        .execute()
      return rows.map((row) => row.user_id)
    },
  }
}

/** Looks for times in the index of the numbers, which holds them: a row of the table may be as long as a record. */
export function historyWrites(db: Transaction<Schema>): HistoryReads & HistoryWrites {
  return {
    ...historyReads(db),

    async correct({ from, to, by }) {
      await db
        .updateTable('history')
        .set((row) => ({ time: row('time', '+', by) }))
        .where('seq', 'in', (row) =>
          row.selectFrom('history').select('seq').where('time', '>=', from).where('time', '<=', to),
        )
        .execute()
    },

    async redate({ now, earliest }) {
      await db
        .updateTable('history')
        .set({ time: now })
        .where('seq', 'in', (row) =>
          row
            .selectFrom('history')
            .select('seq')
            .where((or) => or.or([or('time', '<', earliest), or('time', '>', now + maxBehind)])),
        )
        .execute()
    },

    async deleteOld(owner, before) {
      // Changes nothing, but waits on Postgres for writers of the vault, who know the size of its history, and has them wait.
      await db
        .updateTable('users')
        .set(({ ref }) => ({ history_bytes: ref('history_bytes') }))
        .where('id', '=', owner)
        .execute()
      const old = db.selectFrom('history').where('user_id', '=', owner).where('time', '<=', before)
      const { count, bytes } = await old
        .select(({ fn }) => [fn.countAll().as('count'), fn.sum('size').as('bytes')])
        .executeTakeFirstOrThrow()
      await db
        .deleteFrom('history')
        .where('user_id', '=', owner)
        .where('time', '<=', before)
        .execute()
      await db
        .updateTable('users')
        .set((row) => ({ history_bytes: row('history_bytes', '-', Number(bytes ?? 0)) }))
        .where('id', '=', owner)
        .execute()
      return Number(count)
    },
  }
}

/** Computes what the rows of accounts know of their history. Called after rows were inserted without that. */
export async function fillHistoryTotals(db: Kysely<Schema>): Promise<void> {
  await sql`
    update users set
      history_number = coalesce((select max(number) from history where user_id = users.id), 0),
      history_bytes = coalesce((select sum(size) from history where user_id = users.id), 0)
  `.execute(db)
}

function toVersion(row: VersionRow): Version {
  const { number, time, size } = row
  const kind: EntryKind = row.kind === 'note' ? 'note' : 'record'
  const reason = row.reason === 'deleted' ? 'deleted' : 'replaced'
  return { number, kind, entryId: row.entry_id, reason, time, size }
}

/** Returns the fields that a version of a record had, in their order. */
function parseFields(json: string, recordId: string): readonly AdditionalField[] {
  const rows = parseJson(json)
  if (!Array.isArray(rows)) return []
  return rows
    .map((row: unknown) => (Array.isArray(row) ? row : []))
    .toSorted(([a], [b]) => Number(a) - Number(b))
    .map(([, ...texts]) => {
      const [id = '', name = '', value = ''] = texts.map(String)
      return { id, recordId, name, value }
    })
}

function toEntry(row: ContentRow, owner: string) {
  return {
    id: row.entry_id,
    owner,
    isFavorite: Boolean(row.is_favorite),
    isTrashed: Boolean(row.is_deleted),
    creationTime: row.creation_time,
    updateTime: row.update_time,
    name: row.name,
  }
}
