/** SQLite: how database files are created, opened, copied and inspected, with the settings that make them durable. */
import { constants, Database } from 'bun:sqlite'
import { closeSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Dialect, sql } from 'kysely'
import { createDataVersion, type DataVersion } from './data-version'
import { SingleQueryDialect, SqliteDialect, type TransactionMode } from './dialect'
import { applicationId } from './inspect'

/**
 * How long SQLite waits for another process, in milliseconds. That wait blocks the event loop, once for each queued
 * writer. So in a server SQLite fails at once and the store retries, which leaves the event loop free. A process that
 * has locked the database and does nothing else lets SQLite wait.
 */
const checkpointText = 'pragma wal_checkpoint(truncate)'

const busyTimeout = { serving: 0, exclusive: 5_000, adopting: 5_000 } as const

const readerPragmas = [`busy_timeout = ${busyTimeout.serving}`, 'query_only = on']

/** An open database file. */
export interface SqliteHandle {
  readonly dialect: Dialect
  close(): void
}

/** A database file that is open for writing. */
export interface SqliteWriter extends SqliteHandle {
  /**
   * Moves the whole write-ahead log into the database file, unless a transaction is running or another process reads an older
   * state. Throws SQLiteError.
   */
  checkpoint(): void
}

/**
 * Opens an existing database file for writing. Throws SQLiteError.
 *
 * `synchronous = full` makes each commit in WAL mode wait for the disk, so that a confirmed write survives a power cut
 * (https://www.sqlite.org/pragma.html#pragma_synchronous). On macOS, Bun uses Apple's SQLite: there `fullfsync` keeps the writes
 * in order, and the drive may still have the last ones in its cache. `secure_delete` overwrites deleted content with zeros.
 */
export function openWriter(path: string, use: keyof typeof busyTimeout): SqliteWriter {
  const pragmas = [
    `busy_timeout = ${busyTimeout[use]}`,
    // A database of the original server keeps its journal mode: adoption is one transaction, and may be rolled back.
    ...(use === 'adopting' ? [] : ['journal_mode = wal']),
    'synchronous = full',
    'fullfsync = on',
    'foreign_keys = on',
    'secure_delete = on',
  ]
  const { database, ...handle } = open(path, { mode: 'immediate', pragmas })
  keepTemporaryFilesBeside(path, database)
  return {
    ...handle,
    checkpoint() {
      if (!database.inTransaction) database.run(checkpointText)
    },
  }
}

/**
 * SQLite keeps the state before a statement in a temporary file if many rows change, as in the deletion of a vault. The folder
 * of the database is the only one that can be written for certain, and it is private; memory may be scarce. The setting
 * counts for the process (https://www.sqlite.org/pragma.html#pragma_temp_store_directory).
 */
function keepTemporaryFilesBeside(path: string, database: Database): void {
  const folder = dirname(path).replaceAll("'", "''")
  try {
    database.run(`pragma temp_store_directory = '${folder}'`)
  } catch {
    // The folder can't be written, although the files of the database can.
    database.run('pragma temp_store = memory')
  }
}

/** Opens an existing database file for reading while others write. Throws SQLiteError. */
export function openReader(path: string): SqliteHandle {
  return open(path, { mode: 'deferred', pragmas: readerPragmas })
}

/** Opens an existing database file for reads of one query each, without transactions. Throws SQLiteError. */
export function openSingleReader(
  path: string,
): SqliteHandle & { readonly dataVersion: DataVersion } {
  const { database, close } = open(path, { mode: 'deferred', pragmas: readerPragmas })
  const dataVersion = createDataVersion(database)
  return { dialect: new SingleQueryDialect(database), dataVersion, close }
}

/**
 * Opens a file that is discarded unless it is completed: without a journal on the disk, without waiting for the disk, and
 * without locks, which some network disks don't have. The caller must sync the file once it is complete. Throws SQLiteError.
 *
 * Bun's SQLite is in defensive mode, in which it ignores `journal_mode = off`.
 */
export function openDraft(path: string): SqliteHandle {
  const pragmas = ['journal_mode = memory', 'synchronous = off', 'locking_mode = exclusive']
  return open(path, { mode: 'immediate', pragmas, isPrivate: true })
}

/**
 * Opens a file that is no longer written, such as a backup. Changes neither the file nor its folder, and takes no locks. Throws
 * SQLiteError.
 */
export function openReadOnly(path: string): SqliteHandle {
  const pragmas = ['query_only = on', 'cell_size_check = on']
  return open(path, { mode: 'deferred', pragmas, isReadOnly: true, isPrivate: true })
}

function open(
  path: string,
  {
    mode,
    pragmas,
    isReadOnly = false,
    isPrivate = false,
  }: {
    mode: TransactionMode
    pragmas: readonly string[]
    isReadOnly?: boolean
    /** Whether no other process writes to the file. */
    isPrivate?: boolean
  },
): SqliteHandle & { readonly database: Database } {
  const access = isReadOnly ? { readonly: true } : { readwrite: true, create: false }
  const database = isPrivate
    ? openWithoutLocks(path, isReadOnly)
    : new Database(path, { ...access, strict: true })
  // `true` throws if a statement is still open: the write-ahead log would then not be moved into the file.
  const close = () => database.close(true)
  try {
    database.run('pragma trusted_schema = off')
    for (const pragma of pragmas) database.run(`pragma ${pragma}`)
    return { dialect: new SqliteDialect(database, mode), close, database }
  } catch (error) {
    close()
    throw error
  }
}

/**
 * Opens a file that no other process writes to without taking locks (https://www.sqlite.org/uri.html#urinolock). To read,
 * `immutable` also keeps SQLite from creating files beside a database that another program has set to WAL mode.
 */
function openWithoutLocks(path: string, isReadOnly: boolean): Database {
  const { SQLITE_OPEN_URI, SQLITE_OPEN_READONLY, SQLITE_OPEN_READWRITE } = constants
  const url = pathToFileURL(path).href
  return isReadOnly
    ? new Database(`${url}?immutable=1`, SQLITE_OPEN_URI | SQLITE_OPEN_READONLY)
    : new Database(`${url}?nolock=1`, SQLITE_OPEN_URI | SQLITE_OPEN_READWRITE)
}

/**
 * Creates an empty database file with mode 0600, which SQLite's side files inherit, and writes the application id into
 * its header. Takes no locks; the caller must sync the file. Throws if the path exists.
 */
export function createSqliteFile(path: string, id: number = applicationId): void {
  closeSync(openSync(path, 'wx', 0o600))
  const database = openWithoutLocks(path, false)
  try {
    database.run('pragma journal_mode = memory; pragma synchronous = off')
    database.run(`pragma application_id = ${id}`)
  } finally {
    database.close(true)
  }
}

/**
 * Writes a consistent copy of the database at `path` into the new file `target`, mode 0600, which the caller must sync.
 * The source may be in use. Throws when the target exists. Leaves nothing of a copy that fails.
 */
export function copySqliteFile(path: string, target: string): void {
  closeSync(openSync(target, 'wx', 0o600))
  try {
    using database = new Database(path, { readwrite: true, create: false })
    database.query('vacuum into ?').run(target)
  } catch (error) {
    for (const file of [target, `${target}-journal`]) rmSync(file, { force: true })
    throw error
  }
}

/** Marks the database as one of snailpass in its header. Takes part in the transaction in which it is executed. */
export const setApplicationId = sql.raw(`pragma application_id = ${applicationId}`)

/** Moves the whole write-ahead log into the database file, so that the file alone is the database. */
export const walCheckpointStatement = sql.raw(checkpointText)

/** Moves the write-ahead log of a file that is not open anywhere into the file, and removes the log. Throws SQLiteError. */
export function checkpointWal(path: string): void {
  const database = new Database(path, { readwrite: true, create: false })
  try {
    database.run(checkpointText)
  } finally {
    database.close()
  }
}
