import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema'
import { type ColumnKind, type Table, tables } from './tables'

/** What a table holds, told so that two tables can be compared wherever they lie. */
export interface TableSum {
  readonly table: string
  readonly rows: number
  /** SHA-256 of all rows in their order, in hexadecimal digits. */
  readonly sha256: string
}

/** Told from time to time how many rows of a table have been gone through. */
export type Progress = (table: string, rows: number) => void

type Value = string | number | boolean | null
type Row = Readonly<Record<string, Value>>

/** Rows are read in pages of at most so many, fewer where they are large: memory does not grow with a vault. */
const mostRows = 512
/** About as many bytes as a page is to hold. */
const pageBytes = 1024 * 1024

/**
 * Copies every table with its row numbers from one database, whose state stands still, to an empty one in a
 * transaction of the caller's. Answers what was read, to be compared with `sumTables` of the target.
 */
export async function copyTables(
  from: Kysely<Schema>,
  to: Kysely<Schema>,
  progress: Progress,
): Promise<readonly TableSum[]> {
  return await eachTable(from, progress, (table, rows) => insertRows(to, table, rows))
}

/** What a database holds, table by table. */
export function sumTables(db: Kysely<Schema>, progress: Progress): Promise<readonly TableSum[]> {
  return eachTable(db, progress, () => Promise.resolve())
}

/** Whether no table holds a row. */
export async function isEmpty(db: Kysely<Schema>): Promise<boolean> {
  for (const { name } of tables) {
    const row = await db.selectFrom(name).select('seq').limit(1).executeTakeFirst()
    if (row !== undefined) return false
  }
  return true
}

async function eachTable(
  db: Kysely<Schema>,
  progress: Progress,
  each: (table: Table, rows: readonly Row[]) => Promise<void>,
): Promise<readonly TableSum[]> {
  const sums: TableSum[] = []
  for (const table of tables) {
    const hash = createHash('sha256')
    let count = 0
    for await (const rows of pagesOf(db, table)) {
      for (const row of rows) hash.update(`${JSON.stringify(Object.values(row))}\n`)
      await each(table, rows)
      count += rows.length
      progress(table.name, count)
    }
    sums.push({ table: table.name, rows: count, sha256: hash.digest('hex') })
  }
  return sums
}

/** The rows of a table in their order, as the same values on every engine. */
async function* pagesOf(db: Kysely<Schema>, table: Table): AsyncGenerator<readonly Row[]> {
  const columns = Object.entries(table.columns)
  const names = sql.join(columns.map(([name]) => sql.ref(name)))
  let last = 0
  let limit = 1
  for (;;) {
    const { rows } = await sql<Record<string, unknown>>`
      select ${names} from ${sql.table(table.name)} where seq > ${last} order by seq limit ${limit}
    `.execute(db)
    const page = rows.map((row) => portable(row, columns))
    if (page.length > 0) yield page
    if (page.length < limit) return
    last = Number(page.at(-1)?.['seq'])
    limit = nextLimit(limit, page)
  }
}

/** Powers of two, so that the statements that are made of them are few. */
function nextLimit(limit: number, page: readonly Row[]): number {
  const bytes = page.reduce((sum, row) => sum + sizeOf(row), 0)
  if (bytes > pageBytes) return Math.max(1, limit / 2)
  return bytes < pageBytes / 4 ? Math.min(mostRows, limit * 2) : limit
}

function sizeOf(row: Row): number {
  return Object.values(row).reduce<number>(
    (sum, value) => sum + (typeof value === 'string' ? value.length : 8),
    0,
  )
}

function portable(
  row: Readonly<Record<string, unknown>>,
  columns: readonly (readonly [string, ColumnKind])[],
): Row {
  return Object.fromEntries(
    columns.map(([name, kind]) => [name, portableValue(row[name] ?? null, kind)]),
  )
}

function portableValue(value: unknown, kind: ColumnKind): Value {
  if (value === null) return null
  switch (kind) {
    case 'text':
      return String(value)
    case 'number':
      return Number(value)
    case 'flag':
      return Boolean(value)
  }
}

async function insertRows(db: Kysely<Schema>, table: Table, rows: readonly Row[]): Promise<void> {
  const names = sql.join(Object.keys(table.columns).map((name) => sql.ref(name)))
  const values = sql.join(rows.map((row) => sql`(${sql.join(Object.values(row))})`))
  await sql`insert into ${sql.table(table.name)} (${names}) values ${values}`.execute(db)
}
