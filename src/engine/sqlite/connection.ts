import { Database } from 'bun:sqlite'
import { closeSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Dialect, sql } from 'kysely'
import { SqliteDialect, type TransactionMode } from './dialect'
import { applicationId } from './inspect'

/**
 * How long SQLite itself waits for another process, in milliseconds. A server does not let it: that wait
 * blocks the event loop, once for each writer in the queue, so the scopes in the store wait between tries
 * that leave it free. Work that has the whole program for itself may wait here.
 */
const busyTimeout = { serving: 0, alone: 5_000, adopting: 5_000 } as const

/** One open handle on a database file. */
export interface SqliteHandle {
  readonly dialect: Dialect
  close(): void
}

/**
 * Opens an existing database file to write. Throws SQLiteError.
 *
 * `synchronous = full` makes a commit in WAL mode wait for the disk, so that an acknowledged write survives a
 * power cut (https://www.sqlite.org/pragma.html#pragma_synchronous); `fullfsync` is what that takes on macOS.
 * `secure_delete` overwrites what was deleted for good.
 */
export function openWriter(path: string, use: keyof typeof busyTimeout): SqliteHandle {
  return open(path, 'immediate', [
    `busy_timeout = ${busyTimeout[use]}`,
    // A stranger's file stays as it is until all of it is ours.
    ...(use === 'adopting' ? [] : ['journal_mode = wal']),
    'synchronous = full',
    'fullfsync = on',
    'foreign_keys = on',
    'secure_delete = on',
  ])
}

/** Opens an existing database file to read beside its writer. Throws SQLiteError. */
export function openReader(path: string): SqliteHandle {
  return open(path, 'deferred', [`busy_timeout = ${busyTimeout.serving}`, 'query_only = on'])
}

/**
 * Opens a file that is worth nothing before it is whole: without a journal, and without a wait for the disk, so that
 * whoever has filled it must sync it. Throws SQLiteError.
 */
export function openDraft(path: string): SqliteHandle {
  const pragmas = ['journal_mode = off', 'synchronous = off', 'locking_mode = exclusive']
  return open(path, 'immediate', pragmas)
}

/** Opens a file that nobody writes any more, and leaves it and its folder as they are. Throws SQLiteError. */
export function openReadOnly(path: string): SqliteHandle {
  return open(path, 'deferred', ['query_only = on', 'cell_size_check = on'], { readonly: true })
}

function open(
  path: string,
  mode: TransactionMode,
  pragmas: readonly string[],
  access: { readonly: true } | { readwrite: true; create: false } = {
    readwrite: true,
    create: false,
  },
): SqliteHandle {
  const database = new Database(path, { ...access, strict: true })
  // An error here tells of statements left open, and with them a log that was not moved into the file.
  const close = () => database.close(true)
  try {
    database.run('pragma trusted_schema = off')
    for (const pragma of pragmas) database.run(`pragma ${pragma}`)
    return { dialect: new SqliteDialect(database, mode), close }
  } catch (error) {
    close()
    throw error
  }
}

/**
 * Makes an empty database file, mode 0600, which SQLite's side files inherit, and says in its header whose it is: ours
 * unless told. Throws when the path exists.
 */
export function createSqliteFile(path: string, id: number = applicationId): void {
  closeSync(openSync(path, 'wx', 0o600))
  const database = new Database(path, { readwrite: true, create: false })
  try {
    database.run(`pragma application_id = ${id}`)
  } finally {
    database.close(true)
  }
}

/**
 * Writes a consistent copy of the database at `path` into the new file `target`, mode 0600, and returns once
 * it is on the disk. The source may be in use. Throws when the target exists.
 */
export function copySqliteFile(path: string, target: string): void {
  closeSync(openSync(target, 'wx', 0o600))
  const database = new Database(path, { readwrite: true, create: false })
  try {
    database.query('vacuum into ?').run(target)
  } finally {
    database.close(true)
  }
  syncFile(target)
  syncFile(dirname(target))
}

/** Waits until a file, or the entries of a folder, are on the disk. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Says in the header whose database it is; inside a transaction, as a part of it. */
export const setApplicationId = sql.raw(`pragma application_id = ${applicationId}`)

/** Moves all of the write-ahead log into the database file, so that the file alone is the database. */
export const walCheckpointStatement = sql`pragma wal_checkpoint(truncate)`

/** As `checkpointWholly`, for a file that nobody has open; its log is gone after it. Throws SQLiteError. */
export function checkpointWal(path: string): void {
  const database = new Database(path, { readwrite: true, create: false })
  try {
    database.run('pragma wal_checkpoint(truncate)')
  } finally {
    database.close()
  }
}
