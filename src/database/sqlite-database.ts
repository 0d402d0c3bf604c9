import { Kysely } from 'kysely'
import type { DomainError } from '../domain/errors'
import type { Wait } from '../domain/runtime'
import { sqliteColumnTypes } from '../engine/column-types'
import { sqliteSql } from '../engine/engine-sql'
import {
  openReader,
  openWriter,
  type SqliteHandle,
  type SqliteWriter,
  setApplicationId,
} from '../engine/sqlite/connection'
import { withInspectedFile } from '../engine/sqlite/inspect'
import { type Migrations, migrationsFor } from '../store/migrations/index'
import type { Schema } from '../store/schema'
import { createStore, type OpenedStore } from '../store/store'
import {
  type Database,
  type DatabaseContent,
  type DatabaseTarget,
  type ExclusiveDatabase,
  type ExclusiveOptions,
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
import { refuseMountPoint } from './mount-point'
import { dropOwnTables } from './own-tables'
import { watchFreeSpace } from './space-watch'
import {
  findLoss,
  inspectSqliteFile,
  isFileMissing,
  requireDatabaseFile,
  translateSqliteErrors,
} from './sqlite-file'
import type { SqliteLocation } from './sqlite-location'
import { lockSqliteDatabase, type SqliteLock } from './sqlite-lock'
import {
  backUpDatabaseFile,
  beginImmediate,
  createDatabaseFile,
  migrateDatabaseFile,
  setAsideDatabase,
} from './sqlite-setup'
import { createUpkeep } from './sqlite-upkeep'
import { type DatabaseFileWatch, watchDatabaseFiles } from './sqlite-watch'
import {
  checkStructure,
  namesToCreate,
  requireExpectedStructure,
  requireFreeNames,
} from './structure-check'

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
    listForeignObjects: () => translateErrors(() => listForeignObjects(target)),
  }
}

async function inspect({ location }: Target): Promise<DatabaseContent> {
  return inspectSqliteFile(location.path).content
}

async function listPendingMigrations({ location, migrations }: Target): Promise<readonly string[]> {
  const { path } = location
  return filterPendingMigrations(path, migrations, inspectSqliteFile(path).migrations)
}

/** The store keeps the exclusive use of the database until it is closed. */
async function openForServer(
  target: Target,
  { create, ...options }: ServerOpenOptions,
): Promise<OpenedDatabase> {
  const { path } = target.location
  refuseMountPoint(path)
  const lock = acquireLock(target, create)
  try {
    const { content, created, backupPath } = await bringUpToDate(target, create)
    requireAdopted({ content }, { name: path })
    lock.lockCreatedFile()
    const { store, upkeep } = openStore(target, { lock, ...options })
    return { store, created, isShared: false, backupPath, upkeep }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function withExclusive<T>(
  target: Target,
  { create, onSetAside }: ExclusiveOptions,
  work: (database: ExclusiveDatabase) => Promise<T>,
): Promise<T> {
  const { path } = target.location
  const lock = acquireLock(target, create)
  try {
    const loss = create && onSetAside !== undefined ? findLoss(path) : null
    if (create && (loss !== null || isFileMissing(path))) {
      return await withNewDatabase(target, { loss, onSetAside }, work)
    }
    const { content } = await bringUpToDate(target, false)
    const { dialect, close } = openWriter(path, content === 'ours' ? 'exclusive' : 'adopting')
    try {
      const db = new Kysely<Schema>({ dialect })
      return await work(createExclusiveDatabase(target, db, { content }))
    } finally {
      close()
    }
  } finally {
    lock.release()
  }
}

/** Creates the database together with what the work does. The caller holds the lock. */
async function withNewDatabase<T>(
  target: Target,
  {
    loss,
    onSetAside,
  }: { loss: DomainError | null; onSetAside: ExclusiveOptions['onSetAside'] | undefined },
  work: (database: ExclusiveDatabase) => Promise<T>,
): Promise<T> {
  const { location, timing, migrations } = target
  const { path } = location
  const makeRoom = () => {
    const moved = setAsideDatabase(path, timing.clock)
    if (moved.length > 0) onSetAside?.(moved)
  }
  const options = { migrations, ...(onSetAside !== undefined && { makeRoom }) }
  return await createDatabaseFile(path, options, (db) => {
    const database = createExclusiveDatabase(target, db, { content: 'ours' })
    const lost = loss === null ? null : loss.message
    return work({ ...database, lost, backUp: () => Promise.resolve(null) })
  })
}

async function withShared<T>(target: Target, work: (store: OpenedStore) => Promise<T>): Promise<T> {
  await requireUsable(target)
  return await withStore(openStore(target).store, work)
}

async function withSnapshot<T>(target: Target, work: (db: SnapshotDb) => Promise<T>): Promise<T> {
  await requireUsable(target)
  const { dialect, close } = openReader(target.location.path)
  try {
    return await new Kysely<Schema>({ dialect }).transaction().execute(work)
  } finally {
    close()
  }
}

/** Throws `unavailable` unless the database is ours, up to date, and as the migrations created it. */
async function requireUsable({ location, migrations }: Target): Promise<void> {
  const { path } = location
  const inspected = inspectSqliteFile(path)
  requireUpToDate(path, migrations, inspected)
  await withInspectedFile(path, (db) =>
    requireExpectedStructure({ db, name: path, migrations, done: inspected.migrations }),
  )
}

async function listForeignObjects({ location, migrations }: Target): Promise<readonly string[]> {
  const { path } = location
  const { migrations: done } = inspectSqliteFile(path)
  const { notes } = await withInspectedFile(path, (db) =>
    checkStructure({ db, name: path, migrations, done }),
  )
  return notes
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
    await createDatabaseFile(path, { migrations }, () => Promise.resolve())
    return { content: 'ours', created: true, backupPath: null }
  }
  const isPending = content === 'ours' && filterPendingMigrations(path, migrations, done).length > 0
  if (content === 'ours') {
    await withInspectedFile(path, (db) =>
      requireExpectedStructure({ db, name: path, migrations, done }),
    )
  }
  if (!isPending) return { content, created: false, backupPath: null }
  const { clock } = timing
  const backupPath = backUpDatabaseFile(path, { folder, operation: 'migration', clock })
  await migrateDatabaseFile(path, migrations, backupPath)
  return { content, created: false, backupPath }
}

interface StoreOptions extends Pick<ServerOpenOptions, 'freeSpaceLimit' | 'onWriteChange'> {
  /** Released when the store is closed. */
  readonly lock?: SqliteLock
}

function openStore(
  { location, timing }: Target,
  { lock, freeSpaceLimit, onWriteChange }: StoreOptions = {},
): { store: OpenedStore; upkeep: () => Promise<void> } {
  const { path } = location
  const { reader, writer, watch } = openHandles(path, timing.wait)
  const handles = {
    reader: reader.dialect,
    writer: writer.dialect,
    requirePresent: watch.requirePresent,
    confirmCommit: watch.confirmCommit,
    ...(onWriteChange !== undefined && { onWriteChange }),
    ...(freeSpaceLimit !== undefined && {
      isShortOfSpace: watchFreeSpace(path, freeSpaceLimit, timing),
    }),
    async close() {
      // The writer last: it moves the log into the file if no other process has the file open.
      reader.close()
      writer.close()
      watch.close()
      lock?.release()
    },
  }
  return { store: createStore(handles, timing), upkeep: createUpkeep(path, { writer, watch }) }
}

/** Opens the handles of a store. If one can't be opened, none stays open. */
function openHandles(
  path: string,
  wait: Wait,
): { reader: SqliteHandle; writer: SqliteWriter; watch: DatabaseFileWatch } {
  using stack = new DisposableStack()
  // First, so that SQLite can't have opened a file that was replaced before it is watched; it is closed last.
  const watch = watchDatabaseFiles(path, wait)
  stack.defer(watch.close)
  const reader = openReader(path)
  stack.defer(reader.close)
  const writer = openWriter(path, 'serving')
  stack.move()
  return { reader, writer, watch }
}

function createExclusiveDatabase(
  { location, timing, migrations }: Target,
  db: Kysely<Schema>,
  { content }: { content: DatabaseContent },
): ExclusiveDatabase {
  const { path, databaseBackupDir: folder } = location
  return {
    name: path,
    db,
    content,
    lost: null,
    engineSql: sqliteSql,
    transaction: (work) => inTransaction(db, beginImmediate, work),
    listNeededNames: () => namesToCreate(migrations),
    async migrate() {
      await migrateInTransaction(db, migrations)
      await setApplicationId.execute(db)
      const done = Object.keys(migrations)
      await requireExpectedStructure({ db, name: path, migrations, done })
    },
    backUp: async (operation) =>
      backUpDatabaseFile(path, { folder, operation, clock: timing.clock }),
    async deleteAllData() {
      const done = Object.keys(migrations)
      await requireFreeNames({ db, name: path, migrations, done })
      await dropOwnTables(db)
    },
  }
}

/** Takes the exclusive use. Without `create`, a missing database is refused before its lock file is created beside it. */
function acquireLock({ location }: Target, create: boolean): SqliteLock {
  if (!create) requireDatabaseFile(location.path)
  return lockSqliteDatabase(location)
}
