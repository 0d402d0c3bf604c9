import { Kysely } from 'kysely'
import { sqliteColumnTypes } from '../engine/column-types'
import { openReader, openWriter } from '../engine/sqlite/connection'
import { withInspectedFile } from '../engine/sqlite/inspect'
import { sqliteVersion } from '../engine/sqlite/version'
import { type Migrations, migrationsFor } from '../store/migrations/index'
import type { Schema } from '../store/schema'
import type { OpenedStore } from '../store/store'
import {
  type Database,
  type DatabaseContent,
  type DatabaseTarget,
  type ExclusiveDatabase,
  type ExclusiveOptions,
  filterPendingMigrations,
  type InspectedDatabase,
  type OpenedDatabase,
  requireAdopted,
  requireUpToDate,
  type ServerOpenOptions,
  type SnapshotDb,
  type Timing,
  withStore,
} from './database'
import { LostDatabaseError, missingDatabaseError } from './lost-database'
import { refuseMountPoint } from './mount-point'
import { takeCleanEnd } from './sqlite-clean-end'
import { createExclusiveDatabase, withNewDatabase } from './sqlite-exclusive'
import {
  inspectSqliteFile,
  inspectUnlessLost,
  requireDatabaseFile,
  requireRegularDatabaseFile,
  translateSqliteErrors,
} from './sqlite-file'
import type { SqliteLocation } from './sqlite-location'
import { lockSqliteDatabase, type SqliteLock } from './sqlite-lock'
import { backUpDatabaseFile, createDatabaseFile, migrateDatabaseFile } from './sqlite-setup'
import { openFileStore } from './sqlite-store'
import { checkStructure, requireExpectedStructure } from './structure-check'

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
    findEngineVersion: async () => `SQLite ${sqliteVersion()}`,
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
  { create, checkBesideFrom, beforeMigration, ...options }: ServerOpenOptions,
): Promise<OpenedDatabase> {
  const { path } = target.location
  refuseMountPoint(path)
  const lock = acquireLock(target, create)
  try {
    const { isChecked, ...inspected } = inspectForServer(target, checkBesideFrom)
    const { content, created, backupPath } = await bringUpToDate(target, inspected, {
      create,
      beforeMigration,
    })
    requireAdopted({ content }, { name: path })
    lock.lockCreatedFile()
    const check = { hasPassed: isChecked }
    const markCleanEndFrom = () => (check.hasPassed ? (checkBesideFrom ?? null) : null)
    const { store, upkeep } = openFileStore(target, { lock, markCleanEndFrom, ...options })
    const passed = () => {
      check.hasPassed = true
    }
    const pendingCheck = isChecked ? null : { passed }
    return { store, created, isShared: false, backupPath, upkeep, pendingCheck }
  } catch (error) {
    lock.release()
    throw error
  }
}

/**
 * Inspects the database, which the caller has locked. A large file that the last server has closed is not checked, unless a
 * migration is pending: that rewrites what it reads.
 */
function inspectForServer(
  { location: { path }, migrations }: Target,
  checkBesideFrom: number | undefined,
): InspectedDatabase & { isChecked: boolean } {
  if (checkBesideFrom !== undefined && takeCleanEnd(path)) {
    const inspected = inspectSqliteFile(path, { isChecked: false })
    const pending = filterPendingMigrations(path, migrations, inspected.migrations)
    if (pending.length === 0) return { ...inspected, isChecked: false }
  }
  return { ...inspectSqliteFile(path), isChecked: true }
}

async function withExclusive<T>(
  target: Target,
  { create, onSetAside }: ExclusiveOptions,
  work: (database: ExclusiveDatabase) => Promise<T>,
): Promise<T> {
  const { path } = target.location
  const lock = acquireLock(target, create)
  try {
    const isReplacing = create && onSetAside !== undefined
    const found = isReplacing ? inspectUnlessLost(path) : inspectSqliteFile(path)
    const isLost = found instanceof LostDatabaseError
    if (isLost || (create && found.content === 'nothing')) {
      return await withNewDatabase(target, { loss: isLost ? found : null, onSetAside }, work)
    }
    const { content } = await bringUpToDate(target, found, { create: false })
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

async function withShared<T>(target: Target, work: (store: OpenedStore) => Promise<T>): Promise<T> {
  await requireUsable(target)
  return await withStore(openFileStore(target).store, work)
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
  { content, migrations: done }: InspectedDatabase,
  {
    create,
    beforeMigration,
  }: { create: boolean; beforeMigration?: ServerOpenOptions['beforeMigration'] },
): Promise<Pick<OpenedDatabase, 'created' | 'backupPath'> & { content: DatabaseContent }> {
  const { path, databaseBackupDir: folder } = location
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
  await beforeMigration?.()
  const { clock } = timing
  const backupPath = await backUpDatabaseFile(path, { folder, operation: 'migration', clock })
  await migrateDatabaseFile(path, migrations, backupPath)
  return { content, created: false, backupPath }
}

/** Takes the exclusive use. Without `create`, a missing database is refused before its lock file is created beside it. */
function acquireLock({ location }: Target, create: boolean): SqliteLock {
  requireRegularDatabaseFile(location.path)
  if (!create) requireDatabaseFile(location.path)
  return lockSqliteDatabase(location)
}
