import { Database } from 'bun:sqlite'
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { Kysely, type QueryExecutorProvider, sql } from 'kysely'
import { SqliteDialect } from './dialect'

/**
 * "SNLP" in the header of a database file, which marks it as one of snailpass
 * (https://www.sqlite.org/fileformat.html#application_id).
 */
export const applicationId = 0x534e4c50

/** How long SQLite waits for another process to release the file, in milliseconds. */
const busyTimeout = 5_000

const headerBytes = 100
const headerMagic = 'SQLite format 3\0'
const applicationIdOffset = 68

/** The start of a file that may be a SQLite database (https://www.sqlite.org/fileformat.html#the_database_header). */
export interface SqliteHeader {
  readonly isEmpty: boolean
  /** Whether the file has all 100 bytes of a header. */
  readonly isComplete: boolean
  /** Null if the file is not a SQLite database, or ends before its application id. */
  readonly applicationId: number | null
}

/**
 * Reads the header of a file without SQLite, which would create or replay files beside a database of another program.
 * Throws what the system reports.
 */
export function readSqliteHeader(path: string): SqliteHeader {
  const header = new Uint8Array(headerBytes)
  const descriptor = openSync(path, 'r')
  let length: number
  try {
    length = readSync(descriptor, header, 0, header.length, 0)
  } finally {
    closeSync(descriptor)
  }
  const magic = new TextDecoder('latin1').decode(header.subarray(0, headerMagic.length))
  const hasApplicationId = magic === headerMagic && length >= applicationIdOffset + 4
  return {
    isEmpty: length === 0,
    isComplete: length === header.length,
    applicationId: hasApplicationId
      ? new DataView(header.buffer).getUint32(applicationIdOffset)
      : null,
  }
}

/** What a database file contains, as SQLite reads it. */
export interface SqliteInspection {
  /** Null if the database is intact or was not checked, otherwise the first problem that the quick integrity check reports. */
  readonly problem: string | null
  /** The tables with their columns. */
  readonly columns: Readonly<Record<string, readonly string[]>>
  /** Taken from the write-ahead log if that has a newer one than the header. */
  readonly applicationId: number
  /** Names of the migrations that have run, in the order in which they ran. */
  readonly migrations: readonly string[]
}

/**
 * Runs the quick integrity check, unless the caller does without, and returns the tables and migrations of a database. Changes
 * nothing. Throws SQLiteError.
 */
export function inspectSqlite(path: string, { isChecked = true } = {}): SqliteInspection {
  const database = openInspected(path)
  try {
    const problem = isChecked ? findPageProblem(database) : null
    if (problem !== null) return { problem, applicationId: 0, columns: {}, migrations: [] }
    const id = database.query<{ application_id: number }, []>('pragma application_id').get()
    const columns = readColumns(database)
    return {
      problem,
      applicationId: id?.application_id ?? 0,
      columns,
      migrations: 'kysely_migration' in columns ? readMigrations(database) : [],
    }
  } finally {
    database.close()
  }
}

function findPageProblem(database: Database): string | null {
  const check = database.query<{ quick_check: string }, []>('pragma quick_check(1)').get()
  const answer = check?.quick_check ?? 'no answer'
  return answer === 'ok' ? null : describeDamage(answer)
}

/**
 * Opens a database file without changing it, also beside a process that writes. Throws SQLiteError.
 */
function openInspected(path: string): Database {
  // With a write-ahead log, closing a writable handle would move the log into the file: a read-only one leaves it
  // alone. Without one there is nothing to move, and a writable handle removes the side files that it creates.
  const hasLog = existsSync(`${path}-wal`)
  const database = new Database(
    path,
    hasLog ? { readonly: true } : { readwrite: true, create: false },
  )
  database.run(`pragma busy_timeout = ${busyTimeout}`)
  return database
}

/** Runs work that only reads a database file, which may be in use. Throws SQLiteError. */
export async function withInspectedFile<T>(
  path: string,
  work: (db: QueryExecutorProvider) => Promise<T>,
): Promise<T> {
  const database = openInspected(path)
  try {
    return await work(new Kysely({ dialect: new SqliteDialect(database, 'deferred') }))
  } finally {
    database.close()
  }
}

function readColumns(database: Database): Readonly<Record<string, readonly string[]>> {
  const rows = database
    .query<{ table: string; column: string }, []>(
      // Without virtual tables, whose module may be missing here.
      `select m.name as "table", c.name as "column" from sqlite_schema m cross join pragma_table_info(m.name) c
      where m.type = 'table' and m.rootpage > 0`,
    )
    .all()
  return Object.fromEntries(
    [...Map.groupBy(rows, ({ table }) => table)].map(([table, columns]) => [
      table,
      columns.map(({ column }) => column),
    ]),
  )
}

function readMigrations(database: Database): readonly string[] {
  return database
    .query<{ name: string }, []>('select name from kysely_migration order by name')
    .all()
    .map(({ name }) => name)
}

/** Runs the full integrity check. Returns the first problem that it reports, null if there is none. */
export async function findIntegrityProblem(db: QueryExecutorProvider): Promise<string | null> {
  const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check(1)`.execute(db)
  const answer = rows[0]?.integrity_check ?? 'no answer'
  return answer === 'ok' ? null : describeDamage(answer)
}

/** Returns what an integrity check of SQLite answers, in one line and without its heading, which names the file as `main`. */
export function describeDamage(answer: string): string {
  return answer.replace(/^\*\*\* in database main \*\*\*\n/, '').replaceAll('\n', '; ')
}
