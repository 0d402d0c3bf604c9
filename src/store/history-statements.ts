/*
 * The statements that keep entries in the history of a vault. The engine copies the rows: no ciphertext passes through this process,
 * and what is kept is equal byte for byte.
 */
import { type RawBuilder, sql } from 'kysely'
import type { EntryKind } from '../domain/vault'
import { rowOverheadBytes } from '../domain/vault-quota'
import { maxVersionsPerEntry, type Version, versionInterval } from '../domain/versions'
import { isPostgres } from '../engine/is-postgres'
import { jsonRows } from '../engine/json-rows'
import { padded } from './batches'
import { prepareSql, type SqlParts } from './prepared'

/** A version that was kept. */
export interface KeptRow {
  readonly size: number
  /** How many versions the entry has; on some engines without this one. */
  readonly versions: number
}

type Condition = (parameter: SqlParts['parameter']) => RawBuilder<unknown>

const tableOf = { record: 'records', note: 'notes' } as const

/**
 * Copies entries of a vault, `entry` in the condition, to its history. The parameters are the number of the last version, the time, the
 * owner, and those of the condition.
 */
function insertVersions(
  { db, parameter }: SqlParts,
  {
    areMany = false,
    ...what
  }: {
    readonly kind: EntryKind
    readonly reason: Version['reason']
    /** Whether there may be more than one entry. */
    readonly areMany?: boolean
    readonly condition: Condition
  },
): RawBuilder<KeptRow> {
  const isRecord = what.kind === 'record'
  const place = areMany ? sql`row_number() over (order by entry.seq)` : sql.lit(1)
  const number = sql`cast(${parameter()} as bigint) + ${place}`
  const time = sql`cast(${parameter()} as bigint)`
  const insert = sql<KeptRow>`
    insert into history (
      number, time, user_id, kind, entry_id, entry_seq, reason, size,
      is_favorite, is_deleted, creation_time, update_time, name, login, password, content, fields
    )
    select
      ${number}, ${time},
      entry.user_id, ${sql.lit(what.kind)}, entry.id, entry.seq, ${sql.lit(what.reason)},
      ${isRecord ? sizeOfRecord : sizeOfNote},
      entry.is_favorite, entry.is_deleted, entry.creation_time, entry.update_time, entry.name,
      ${isRecord ? sql`entry.login, entry.password, null, ${jsonRows(db, fieldColumns, fieldsOfRecord)}` : sql`null, null, entry.content, null`}
    from ${sql.table(tableOf[what.kind])} as entry
    where entry.user_id = ${parameter()} and ${what.condition(parameter)}
    returning user_id, size, (
      select count(*) from history as other where other.user_id = history.user_id
        and other.entry_id = history.entry_id and other.kind = history.kind
    ) as versions`
  return savesTotals(db) ? withTotals(insert, areMany) : insert
}

/** Whether the statements that keep entries save the totals of the account as well. SQLite has no statement that can. */
export const savesTotals = isPostgres

/** Has a statement that keeps entries save the totals too: a second one would be a further round trip for a write. */
function withTotals(insert: RawBuilder<KeptRow>, areMany: boolean): RawBuilder<KeptRow> {
  // Without sums, which one row does not need, a write is measurably faster.
  const added = areMany
    ? sql`select user_id, count(*) as versions, sum(size) as bytes from kept group by user_id`
    : sql`select user_id, 1 as versions, size as bytes from kept`
  return sql<KeptRow>`
    with kept as (${insert}),
    saved as (
      update users set
        history_number = history_number + added.versions,
        history_bytes = history_bytes + added.bytes
      from (${added}) as added where users.id = added.user_id
    )
    select size, versions from kept`
}

const fieldColumns = ['seq', 'id', 'name', 'value'] as const
const fieldsOfRecord = sql`
  select seq, id, name, value from additional_fields where record_id = entry.id order by seq`

const rowOverhead = sql.lit(rowOverheadBytes)
const sizeOfNote = sql`${rowOverhead} + octet_length(entry.name) + octet_length(entry.content)`
const sizeOfRecord = sql`
  ${rowOverhead} + octet_length(entry.name) + octet_length(entry.login) + octet_length(entry.password)
  + coalesce((
    select sum(${rowOverhead} + octet_length(field.name) + octet_length(field.value))
    from additional_fields as field where field.record_id = entry.id
  ), 0)`

/** The condition that no version of an entry is recent. Its parameter is the time. */
function hasNoRecent(kind: EntryKind, parameter: SqlParts['parameter']): RawBuilder<unknown> {
  // A version of the future was kept by a wrong clock.
  return sql`not exists (
    select 1 from history as recent where recent.user_id = entry.user_id and recent.entry_id = entry.id
      and recent.kind = ${sql.lit(kind)} and abs(recent.time - ${parameter()}) < ${sql.lit(versionInterval)}
  )`
}

/** Keeps an entry that is replaced, unless a version of it is recent. */
function keepReplaced(kind: EntryKind, condition: Condition) {
  return prepareSql((parts) =>
    insertVersions(parts, {
      ...{ kind, reason: 'replaced' },
      condition: (parameter) => sql`${condition(parameter)} and ${hasNoRecent(kind, parameter)}`,
    }),
  )
}

/** Keeps a record unless these texts are equal. The further parameters are its id, the texts and the time. */
export const keepUpdatedRecord = keepReplaced(
  'record',
  (parameter) => sql`entry.id = ${parameter()} and (
    entry.name <> ${parameter()} or entry.login <> ${parameter()} or entry.password <> ${parameter()}
  )`,
)

/** As `keepUpdatedRecord`, of a note. */
export const keepUpdatedNote = keepReplaced(
  'note',
  (parameter) => sql`entry.id = ${parameter()} and (
    entry.name <> ${parameter()} or entry.content <> ${parameter()}
  )`,
)

/** Keeps the record of a field unless these texts are equal. The further parameters are the id of the field, the texts and the time. */
export const keepRecordOfUpdatedField = keepReplaced(
  'record',
  (parameter) => sql`entry.id in (
    select record_id from additional_fields
    where id = ${parameter()} and (name <> ${parameter()} or value <> ${parameter()})
  )`,
)

/** Keeps the record of a field. The further parameters are the id of the field and the time. */
export const keepRecordOfField = keepReplaced(
  'record',
  (parameter) => sql`entry.id in (
    select record_id from additional_fields where id = ${parameter()}
  )`,
)

const keepTrashedOf = (kind: EntryKind) =>
  prepareSql((parts) =>
    insertVersions(parts, {
      ...{ kind, reason: 'deleted' },
      condition: (parameter) =>
        sql`entry.id = ${parameter()} and entry.is_deleted = ${sql.lit(true)}`,
    }),
  )

/** Keeps an entry in the trash. The further parameter is its id. */
export const keepTrashed = { record: keepTrashedOf('record'), note: keepTrashedOf('note') }

/** Keeps entries by their ids, all of them or those without a recent version. */
export function keepEntries(
  db: SqlParts['db'],
  {
    base,
    ids,
    ...what
  }: {
    readonly kind: EntryKind
    readonly reason: Version['reason']
    readonly isAlways: boolean
    /** The first parameters. */
    readonly base: readonly [number: number, time: number, owner: string]
    readonly ids: readonly string[]
  },
): RawBuilder<KeptRow> {
  const [, time] = base
  const values: (string | number)[] = [...base]
  const parts = { db, parameter: () => sql`${values.shift()}` }
  return insertVersions(parts, {
    ...what,
    areMany: true,
    condition: () => {
      const isNamed = sql`entry.id in (${sql.join(padded(ids))})`
      if (what.isAlways) return isNamed
      return sql`${isNamed} and ${hasNoRecent(what.kind, () => sql`${time}`)}`
    },
  })
}

/**
 * Deletes the oldest versions of entries that have too many, if a version of them was kept after the one with a number. The parameters
 * are the owner, three times, and that number.
 */
export const deleteSurplus = prepareSql(
  ({ parameter }) => sql<{ size: number }>`
    delete from history where user_id = ${parameter()} and number in (
      select number from (
        select number, row_number() over (partition by kind, entry_id order by number desc) as place
        from history where user_id = ${parameter()} and entry_id in (
          select entry_id from history where user_id = ${parameter()} and number > ${parameter()}
        )
      ) as ranked where place > ${sql.lit(maxVersionsPerEntry)}
    ) returning size`,
)

/** The oldest versions of an owner, as many as one statement should read. */
export const selectOldest = prepareSql(
  ({ parameter }) => sql<{ number: number; size: number }>`
    select number, size from history where user_id = ${parameter()} order by number limit 100`,
)

/** The parameters are the owner and the number of the last version that goes. */
export const deleteUpTo = prepareSql(
  ({ parameter }) => sql`
    delete from history where user_id = ${parameter()} and number <= ${parameter()}`,
)

/** The parameters are the number of the last version, the bytes of all versions, and the owner. */
export const saveTotals = prepareSql(
  ({ parameter }) => sql`
    update users set history_number = ${parameter()}, history_bytes = ${parameter()}
    where id = ${parameter()}`,
)
