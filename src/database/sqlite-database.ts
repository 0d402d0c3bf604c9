import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Kysely } from 'kysely'
import { sqliteColumnTypes } from '../engine/column-types'
import { sqliteSql } from '../engine/engine-sql'
import {
  openReader,
  openWriter,
  type SqliteHandle,
  setApplicationId,
} from '../engine/sqlite/connection'
import { acquireDatabaseLock } from '../files/data-folder'
import type { FileLock } from '../files/file-lock'
import { type Migrations, migrationsFor } from '../store/migrations/index'
import type { Schema } from '../store/schema'
import { createStore, type OpenedStore } from '../store/store'
import { tables } from '../store/tables'
import {
  type Database,
  type DatabaseContent,
  type DatabaseTarget,
  type ExclusiveDatabase,
  filterPendingMigrations,
  inTransaction,
  migrateInTransaction,
  missingDatabaseError,
  type OpenedDatabase,
  requireAdopted,
  requireUpToDate,
  type ServerOpenOptions,
  type SnapshotDb,
  type Timing,
  withStore,
} from './database'
import { type FreeSpaceLimit, watchFreeSpace } from './space-watch'
import { inspectSqliteFile, requireDatabaseFile, translateSqliteErrors } from './sqlite-file'
import {
  backUpDatabaseFile,
  beginImmediate,
  createDatabaseFile,
  migrateDatabaseFile,
} from './sqlite-setup'

export interface SqliteLocation {
  /** Absolute path of the database file. */
  readonly path: string
  /** The file that a process locks while it works on the database. */
  readonly lockFile: string
  /** Folder for backups that are taken before the database is changed. */
  readonly databaseBackupDir: string
}

/**
 * Returns the database file at a path with its lock file: `server.lock` in the same folder for `snailpass.db`, which is the
 * name in a data folder. Links are resolved first, so that processes which use different names of one file find the same
 * lock.
 */
export function resolveSqliteLocation(
  databasePath: string,
  databaseBackupDir: string,
): SqliteLocation {
  const path = realPath(databasePath)
  const hasDefaultName = basename(path) === 'snailpass.db'
  const lockFile = hasDefaultName ? join(dirname(path), 'server.lock') : `${path}.lock`
  return { path, lockFile, databaseBackupDir }
}

/** Resolves the links in a path, as far as it exists. */
function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  const folder = dirname(path)
  return existsSync(folder) ? join(realpathSync(folder), basename(path)) : path
}

type Target = DatabaseTarget<SqliteLocation>

/** Returns the database in a file. Nothing is opened or created yet. */
export function sqliteDatabase(
  location: SqliteLocation,
  timing: Timing,
  migrations: Migrations = migrationsFor(sqliteColumnTypes, timing.clock),
): Database {
  const target: Target = { location, timing, migrations }
  const name = location.path
  const translateErrors = <T>(work: () => Promise<T>) => translateSqliteErrors(name, work)
  return {
    name,
    translateErrors,
    inspect: () => translateErrors(() => inspect(target)),
    listPendingMigrations: () => translateErrors(() => listPendingMigrations(target)),
    openForServer: (options) => translateErrors(() => openForServer(target, options)),
    withExclusive: (options, work) => translateErrors(() => withExclusive(target, options, work)),
    withShared: (work) => translateErrors(() => withShared(target, work)),
    withSnapshot: (work) => translateErrors(() => withSnapshot(target, work)),
  }
}

async function inspect({ location }: Target): Promise<DatabaseContent> {
  return inspectSqliteFile(location.path).content
}

async function listPendingMigrations({ location, migrations }: Target): Promise<readonly string[]> {
  const { path } = location
  return filterPendingMigrations(path, migrations, inspectSqliteFile(path).migrations)
}

/** The store keeps the lock file locked until it is closed. */
async function openForServer(
  target: Target,
  { create, freeSpaceLimit }: ServerOpenOptions,
): Promise<OpenedDatabase> {
  const { path } = target.location
  const lock = acquireLock(target, create)
  try {
    const { content, created, backupPath } = await bringUpToDate(target, create)
    requireAdopted({ content }, { name: path })
    const store = openStore(target, { lock, freeSpaceLimit })
    return { store, created, isShared: false, backupPath }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function withExclusive<T>(
  target: Target,
  { create }: { create: boolean },
  work: (database: ExclusiveDatabase) => Promise<T>,
): Promise<T> {
  const lock = acquireLock(target, create)
  try {
    const { content } = await bringUpToDate(target, create)
    const { dialect, close } = openWriter(
      target.location.path,
      content === 'ours' ? 'exclusive' : 'adopting',
    )
    try {
      return await work(createExclusiveDatabase(target, new Kysely<Schema>({ dialect }), content))
    } finally {
      close()
    }
  } finally {
    lock.release()
  }
}

async function withShared<T>(target: Target, work: (store: OpenedStore) => Promise<T>): Promise<T> {
  const { path } = target.location
  requireUpToDate(path, target.migrations, inspectSqliteFile(path))
  return await withStore(openStore(target), work)
}

async function withSnapshot<T>(
  { location, migrations }: Target,
  work: (db: SnapshotDb) => Promise<T>,
): Promise<T> {
  const { path } = location
  requireUpToDate(path, migrations, inspectSqliteFile(path))
  const { dialect, close } = openReader(path)
  try {
    return await new Kysely<Schema>({ dialect }).transaction().execute(work)
  } finally {
    close()
  }
}

/**
 * Creates the database, or migrates it after a backup. One of the original server is not changed. The caller holds the lock.
 */
async function bringUpToDate(
  { location, timing, migrations }: Target,
  create: boolean,
): Promise<Pick<OpenedDatabase, 'created' | 'backupPath'> & { content: DatabaseContent }> {
  const { path, databaseBackupDir: folder } = location
  const { content, migrations: done } = inspectSqliteFile(path)
  if (content === 'nothing') {
    if (!create) throw missingDatabaseError(path)
    await createDatabaseFile(path, migrations)
    return { content: 'ours', created: true, backupPath: null }
  }
  const isPending = content === 'ours' && filterPendingMigrations(path, migrations, done).length > 0
  if (!isPending) return { content, created: false, backupPath: null }
  const { clock } = timing
  const backupPath = backUpDatabaseFile(path, { folder, operation: 'migration', clock })
  await migrateDatabaseFile(path, migrations, backupPath)
  return { content, created: false, backupPath }
}

function openStore(
  { location, timing }: Target,
  { lock, freeSpaceLimit }: { lock?: FileLock; freeSpaceLimit?: FreeSpaceLimit | undefined } = {},
): OpenedStore {
  const { path } = location
  const reader = openReader(path)
  const writer = openWriterOrCloseReader(reader, path)
  const handles = {
    reader: reader.dialect,
    writer: writer.dialect,
    canWrite: () => Promise.resolve(true),
    ...(freeSpaceLimit !== undefined && {
      isShortOfSpace: watchFreeSpace(path, freeSpaceLimit, timing),
    }),
    async close() {
      // The writer last: it moves the log into the file if no other process has the file open.
      reader.close()
      writer.close()
      lock?.release()
    },
  }
  return createStore(handles, timing.wait)
}

function createExclusiveDatabase(
  { location, timing, migrations }: Target,
  db: Kysely<Schema>,
  content: DatabaseContent,
): ExclusiveDatabase {
  const { path, databaseBackupDir: folder } = location
  return {
    db,
    content,
    engineSql: sqliteSql,
    transaction: (work) => inTransaction(db, beginImmediate, work),
    async migrate() {
      await migrateInTransaction(db, migrations)
      await setApplicationId.execute(db)
    },
    backUp: async (operation) =>
      backUpDatabaseFile(path, { folder, operation, clock: timing.clock }),
    deleteAllData: () =>
      sqliteSql.emptyTables(
        db,
        tables.toReversed().map(({ name }) => name),
      ),
  }
}

/** Takes the lock file. Without `create`, a missing database is refused before its lock file is created beside it. */
function acquireLock({ location }: Target, create: boolean): FileLock {
  if (!create) requireDatabaseFile(location.path)
  return acquireDatabaseLock(location.lockFile, location.path)
}

/** If the writer can't be opened, the reader must not stay open. */
function openWriterOrCloseReader(reader: SqliteHandle, path: string): SqliteHandle {
  try {
    return openWriter(path, 'serving')
  } catch (error) {
    reader.close()
    throw error
  }
}
