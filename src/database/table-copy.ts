import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import type { Schema } from '../store/schema'
import { type ColumnKind, type Table, tables } from '../store/tables'

/** Checksum of a table's rows, by which tables can be compared across engines. */
export interface TableChecksum {
  readonly table: string
  readonly rows: number
  /**
   * SHA-256, in hexadecimal digits, of all rows in the order of their `seq`, each as a JSON array and a line feed; flags are
   * 0 or 1. SQLite's `json_array` returns the same text, so a shell can compute the checksum too.
   */
  readonly sha256: string
}

/** Called after each page with the number of rows of the table that were read so far. */
export type Progress = (table: string, rows: number) => void

type PortableValue = string | number | null
/** A row with the same values on every engine: flags are 0 or 1. */
export type PortableRow = Readonly<Record<string, PortableValue>>

export interface ReadOptions {
  readonly progress: Progress
  /** Translates the errors of the database that is read; by default they pass unchanged. */
  translateErrors?<R>(work: () => Promise<R>): Promise<R>
}

/** Rows in a page that is read at once. */
const maxPageRows = 512
/** Bytes of text in a page, unless a single row has more: this bounds the memory for vaults of any size. */
const maxPageBytes = 1024 * 1024

/**
 * Copies the rows of every table with their `seq` from a snapshot of a database to an empty database. The caller
 * begins a transaction on `to`, and fills derived columns. Returns the checksums of what was read, to be compared with `checksumTables(to)`.
 */
export function copyTables(
  from: Kysely<Schema>,
  to: Kysely<Schema>,
  options: ReadOptions,
): Promise<readonly TableChecksum[]> {
  return readTables(from, options, (table, rows) => insertRows(to, table, rows))
}

/** Returns the checksums of all tables. */
export function checksumTables(
  db: Kysely<Schema>,
  options: ReadOptions,
): Promise<readonly TableChecksum[]> {
  return readTables(db, options)
}

/** Throws `unavailable` unless `target` returned what was written to it. */
export function requireEqualChecksums(
  expected: readonly TableChecksum[],
  found: readonly TableChecksum[],
  target: string,
): void {
  const checksumByTable = new Map(found.map(({ table, sha256 }) => [table, sha256]))
  const wrong = expected.find(({ table, sha256 }) => checksumByTable.get(table) !== sha256)?.table
  if (wrong === undefined) return
  throw new DomainError(
    'unavailable',
    `${target} returned other rows of ${wrong} than were written to it; nothing was changed`,
    { hint: 'check that database and its disk' },
  )
}

/** Returns whether a database has no data of users. The audit log does not count: a server that was only started writes it. */
export async function isDatabaseEmpty(db: Kysely<Schema>): Promise<boolean> {
  for (const { name } of tables) {
    if (name === 'audit' || name === 'audit_marks') continue
    const row = await db.selectFrom(name).select('seq').limit(1).executeTakeFirst()
    if (row !== undefined) return false
  }
  return true
}

/** Returns the number of rows of each table. */
export async function countRows(db: Kysely<Schema>): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for (const { name } of tables) {
    const { rows } = await db
      .selectFrom(name)
      .select(({ fn }) => fn.countAll().as('rows'))
      .executeTakeFirstOrThrow()
    counts.set(name, Number(rows))
  }
  return counts
}

async function readTables(
  db: Kysely<Schema>,
  options: ReadOptions,
  onPage: (table: Table, rows: readonly PortableRow[]) => Promise<void> = () => Promise.resolve(),
): Promise<readonly TableChecksum[]> {
  const checksums: TableChecksum[] = []
  for (const table of tables) {
    checksums.push(
      await readTable(db, table, { ...options, onPage: (rows) => onPage(table, rows) }),
    )
  }
  return checksums
}

/** A table with a column `seq`, of any database: a backup can have tables that this version does not know. */
export interface ReadableTable {
  readonly name: string
  readonly columns: Readonly<Record<string, ColumnKind>>
}

interface TableReadOptions extends ReadOptions {
  /** Called with each page of rows. */
  onPage?(rows: readonly PortableRow[]): Promise<void>
}

/** Reads the rows of a table, page by page. Returns their checksum. */
export async function readTable<DB>(
  db: Kysely<DB>,
  table: ReadableTable,
  { progress, translateErrors = (work) => work(), onPage }: TableReadOptions,
): Promise<TableChecksum> {
  const checksum = createTableChecksum(table.name)
  for (let last = 0; ; ) {
    const rows = await translateErrors(() => readNextPage(db, table, last))
    if (rows.length === 0) return checksum.end()
    checksum.add(rows)
    await onPage?.(rows)
    last = Number(rows.at(-1)?.['seq'])
    progress(table.name, checksum.rows())
    // SQLite reads synchronously: without this, a server could answer no request until the end of the table.
    await setImmediate()
  }
}

/** Returns a checksum that rows are added to, with their values in the order of the table's columns. */
export function createTableChecksum(table: string) {
  const hash = createHash('sha256')
  let count = 0
  return {
    rows: () => count,
    add(rows: readonly PortableRow[]) {
      for (const row of rows) hash.update(`${JSON.stringify(Object.values(row))}\n`)
      count += rows.length
    },
    end: (): TableChecksum => ({ table, rows: count, sha256: hash.digest('hex') }),
  }
}

/** Returns the page of rows after the `seq` `after`; empty at the end of the table. */
async function readNextPage<DB>(
  db: Kysely<DB>,
  table: ReadableTable,
  after: number,
): Promise<readonly PortableRow[]> {
  const columns = Object.entries(table.columns)
  const names = sql.join(columns.map(([name]) => sql.ref(name)))
  const last = await findPageEnd(db, table, after)
  if (last === null) return []
  const { rows } = await sql<Record<string, unknown>>`
    select ${names} from ${sql.table(table.name)} where seq > ${after} and seq <= ${last} order by seq
  `.execute(db)
  return rows.map((row) => toPortableRow(row, columns))
}

/** Returns the last `seq` of the page after `after`, which is found by the sizes of the rows only; null at the end. */
async function findPageEnd<DB>(
  db: Kysely<DB>,
  table: ReadableTable,
  after: number,
): Promise<number | null> {
  const textColumns = Object.entries(table.columns).filter(([, kind]) => kind === 'text')
  const size = sql.join(
    textColumns.map(([name]) => sql`coalesce(octet_length(${sql.ref(name)}), 0)`),
    sql` + `,
  )
  const { rows } = await sql<{ seq: number; size: number }>`
    select seq, ${size} as size from ${sql.table(table.name)} where seq > ${after} order by seq limit ${sql.lit(maxPageRows)}
  `.execute(db)
  let [bytes, last]: [number, number | null] = [0, null]
  for (const row of rows) {
    bytes += Number(row.size)
    if (last !== null && bytes > maxPageBytes) break
    last = Number(row.seq)
  }
  return last
}

function toPortableRow(
  row: Readonly<Record<string, unknown>>,
  columns: readonly (readonly [string, ColumnKind])[],
): PortableRow {
  return Object.fromEntries(
    columns.map(([name, kind]) => [name, toPortableValue(row[name] ?? null, kind)]),
  )
}

function toPortableValue(value: unknown, kind: ColumnKind): PortableValue {
  if (value === null) return null
  switch (kind) {
    case 'text':
      return String(value)
    case 'number':
      return Number(value)
    case 'flag':
      // A boolean on Postgres, 0 or 1 on SQLite.
      return Number(value)
  }
}

/**
 * Inserts rows. The number of rows in a statement is a power of two, so that there are few different statements to prepare.
 */
export async function insertRows<DB>(
  db: Kysely<DB>,
  table: ReadableTable,
  rows: readonly PortableRow[],
): Promise<void> {
  const columns = Object.entries(table.columns)
  const names = sql.join(columns.map(([name]) => sql.ref(name)))
  for (let done = 0; done < rows.length; ) {
    const size = 2 ** Math.floor(Math.log2(rows.length - done))
    const batch = rows.slice(done, done + size)
    const values = sql.join(
      batch.map(
        (row) =>
          sql`(${sql.join(columns.map(([name, kind]) => toBoundValue(row[name] ?? null, kind)))})`,
      ),
    )
    await sql`insert into ${sql.table(table.name)} (${names}) values ${values}`.execute(db)
    done += size
  }
}

/** Postgres needs a boolean for a flag. SQLite binds a boolean as 0 or 1. */
function toBoundValue(value: PortableValue, kind: ColumnKind): PortableValue | boolean {
  return kind === 'flag' && value !== null ? Boolean(value) : value
}
