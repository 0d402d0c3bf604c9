import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import type { Schema } from '../store/schema'
import { type ColumnKind, type Table, tables } from '../store/tables'

/** What a table holds, told so that two tables can be compared wherever they lie. */
export interface TableChecksum {
  readonly table: string
  readonly rows: number
  /**
   * SHA-256, in hexadecimal digits, of all rows in the order of their numbers, each of them as a JSON array and a line
   * end; flags are 0 or 1. It is what SQLite's own `json_array` gives, so that a shell can make it too.
   */
  readonly sha256: string
}

/** Told from time to time how many rows of a table have been gone through. */
export type Progress = (table: string, rows: number) => void

type PortableValue = string | number | null
/** The same values on every engine: flags are 0 or 1. */
export type PortableRow = Readonly<Record<string, PortableValue>>

/** How somebody reads: told how far it is, with faults that are told as the database's that is read. */
export interface ReadOptions {
  readonly progress: Progress
  translateErrors?<R>(work: () => Promise<R>): Promise<R>
}

/** Rows are read in pages of at most so many. */
const maxPageRows = 512
/** A page holds at most so many bytes, or a single row: memory does not grow with a vault. */
const maxPageBytes = 1024 * 1024

/**
 * Copies every table with its row numbers from one database, whose state stands still, to an empty one in a
 * transaction of the caller's. Answers what was read, to be compared with `sumTables` of the target.
 */
export function copyTables(
  from: Kysely<Schema>,
  to: Kysely<Schema>,
  options: ReadOptions,
): Promise<readonly TableChecksum[]> {
  return forEachTable(from, options, (table, rows) => insertRows(to, table, rows))
}

/** What a database holds, table by table. */
export function checksumTables(
  db: Kysely<Schema>,
  options: ReadOptions,
): Promise<readonly TableChecksum[]> {
  return forEachTable(db, options, () => Promise.resolve())
}

/** Throws `unavailable` unless both are the same; `target` names where the second was read. */
export function requireEqualChecksums(
  read: readonly TableChecksum[],
  written: readonly TableChecksum[],
  target: string,
): void {
  const checksumByTable = new Map(written.map(({ table, sha256 }) => [table, sha256]))
  const wrong = read.find(({ table, sha256 }) => checksumByTable.get(table) !== sha256)?.table
  if (wrong === undefined) return
  throw new DomainError(
    'unavailable',
    `${target} gave other rows of ${wrong} back than it was given: nothing was copied`,
    { hint: 'look after that database and its disk' },
  )
}

/** Whether nobody has entrusted anything to it: that a server has run on it stands in its trail already. */
export async function isDatabaseEmpty(db: Kysely<Schema>): Promise<boolean> {
  for (const { name } of tables) {
    if (name === 'audit' || name === 'audit_marks') continue
    const row = await db.selectFrom(name).select('seq').limit(1).executeTakeFirst()
    if (row !== undefined) return false
  }
  return true
}

/** How many rows each table holds. */
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

async function forEachTable(
  db: Kysely<Schema>,
  options: ReadOptions,
  each: (table: Table, rows: readonly PortableRow[]) => Promise<void>,
): Promise<readonly TableChecksum[]> {
  const checksums: TableChecksum[] = []
  for (const table of tables) {
    checksums.push(await forEachPage(db, table, options, (rows) => each(table, rows)))
  }
  return checksums
}

/** Any table with row numbers, of any database that we can read. */
export interface ReadableTable {
  readonly name: string
  readonly columns: Readonly<Record<string, ColumnKind>>
}

/** Goes through the rows of a table, page by page. Answers what was read. */
export async function forEachPage<DB>(
  db: Kysely<DB>,
  table: ReadableTable,
  { progress, translateErrors = (work) => work() }: ReadOptions,
  each: (rows: readonly PortableRow[]) => Promise<void>,
): Promise<TableChecksum> {
  const checksum = createTableChecksum(table.name)
  for (let last = 0; ; ) {
    const rows = await translateErrors(() => readNextPage(db, table, last))
    if (rows.length === 0) return checksum.end()
    checksum.add(rows)
    await each(rows)
    last = Number(rows.at(-1)?.['seq'])
    progress(table.name, checksum.rows())
    // SQLite answers at once, and so a server that is at this would answer nobody else.
    await setImmediate()
  }
}

/** Adds rows up, in the order of their columns. */
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

/** The rows of a table after a row number, in their order, as the same values on every engine. */
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

/** The last row number of a page, known by the sizes of its rows alone; null when there is no row. */
async function findPageEnd<DB>(
  db: Kysely<DB>,
  table: ReadableTable,
  after: number,
): Promise<number | null> {
  const texts = Object.entries(table.columns).filter(([, kind]) => kind === 'text')
  const size = sql.join(
    texts.map(([name]) => sql`coalesce(octet_length(${sql.ref(name)}), 0)`),
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
      // Booleans on Postgres, 0 or 1 on SQLite.
      return Number(value)
  }
}

/** In statements of powers of two, so that the texts that are made of them are few. */
export async function insertRows<DB>(
  db: Kysely<DB>,
  table: ReadableTable,
  rows: readonly PortableRow[],
): Promise<void> {
  const columns = Object.entries(table.columns)
  const names = sql.join(columns.map(([name]) => sql.ref(name)))
  for (let done = 0; done < rows.length; ) {
    const size = 2 ** Math.floor(Math.log2(rows.length - done))
    const some = rows.slice(done, done + size)
    const values = sql.join(
      some.map(
        (row) =>
          sql`(${sql.join(columns.map(([name, kind]) => toBoundValue(row[name] ?? null, kind)))})`,
      ),
    )
    await sql`insert into ${sql.table(table.name)} (${names}) values ${values}`.execute(db)
    done += size
  }
}

/** As Postgres wants it; SQLite binds a boolean as 0 or 1. */
function toBoundValue(value: PortableValue, kind: ColumnKind): PortableValue | boolean {
  return kind === 'flag' && value !== null ? Boolean(value) : value
}
