import { existsSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import { sqliteColumnTypes } from '../engine/column-types'
import { sqliteSql } from '../engine/engine-sql'
import {
  copySqliteFile,
  createSqliteFile,
  openReader,
  openWriter,
  type SqliteHandle,
  setApplicationId,
  syncFile,
  walCheckpointStatement,
} from '../engine/sqlite/connection'
import { acquireDatabaseLock, chownToFolderOwner } from '../files/data-folder'
import { type Migrations, migrationsFor } from '../store/migrations/index'
import type { Schema } from '../store/schema'
import { createStore, type OpenedStore } from '../store/store'
import { tables } from '../store/tables'
import {
  type Database,
  type DatabaseContent,
  databaseBackupName,
  type ExclusiveDatabase,
  filterPendingMigrations,
  inTransaction,
  migrateInTransaction,
  notAdoptedError,
  type OpenedDatabase,
  outdatedDatabaseError,
  removeCopyIfRefused,
  type Timing,
} from './database'
import { type FreeSpaceLimit, watchFreeSpace } from './space-watch'
import {
  inspectSqliteFile,
  isFileMissing,
  missingDatabaseError,
  requireDatabaseFile,
  sideFiles,
  translateSqliteErrors,
} from './sqlite-file'

/** What lies at the place once it can be worked on. */
interface PreparedDatabase {
  readonly content: 'ours' | 'original'
  readonly created: boolean
  /** Null when nothing was migrated. */
  readonly backupPath: string | null
}

export interface SqliteLocation {
  /** Absolute path of the database file. */
  readonly path: string
  /** What is locked while somebody works on it. */
  readonly lockFile: string
  /** Where safety copies go. */
  readonly databaseBackupDir: string
}

/**
 * The file at a path, its lock beside it: the data folder's own where it lies in one. Links are followed first:
 * whoever comes by another name must find the same lock.
 */
export function resolveSqliteLocation(named: string, databaseBackupDir: string): SqliteLocation {
  const path = realPath(named)
  const isFolders = basename(path) === 'snailpass.db'
  const lockFile = isFolders ? join(dirname(path), 'server.lock') : `${path}.lock`
  return { path, lockFile, databaseBackupDir }
}

/** The path without links on it, as far as it is there. */
function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  const folder = dirname(path)
  return existsSync(folder) ? join(realpathSync(folder), basename(path)) : path
}

/** Takes the write lock at once; what begins by reading may not get it later. */
const beginImmediate = sql`begin immediate`

export function sqliteDatabase(
  location: SqliteLocation,
  timing: Timing,
  migrations: Migrations = migrationsFor(sqliteColumnTypes, timing.clock),
): Database {
  const { path } = location
  const translateErrors = <T>(work: () => Promise<T>) => translateSqliteErrors(path, work)

  /** Under the lock: makes what is missing and brings what is ours up to date. */
  const prepare = async (create: boolean): Promise<PreparedDatabase> => {
    const created = isFileMissing(path)
    if (created && !create) throw missingDatabaseError(path)
    if (created) await createDatabase(path, migrations)
    const { content, migrations: done } = inspectSqliteFile(path)
    const isPending =
      content === 'ours' && filterPendingMigrations(path, migrations, done).length > 0
    const backupPath = isPending ? await migrateWithBackup() : null
    return { content, created, backupPath }
  }

  const migrateWithBackup = async (): Promise<string> => {
    const backupPath = backUpBefore(location, 'migration', timing)
    await removeCopyIfRefused(backupPath, () =>
      withWriter(path, (db) =>
        inTransaction(db, beginImmediate, () => migrateInTransaction(db, migrations)),
      ),
    )
    return backupPath
  }

  const openStore = (release: () => void, space?: FreeSpaceLimit): OpenedStore => {
    const reader = openReader(path)
    const writer = openWriterOrCloseReader(reader, path)
    const handles = {
      reader: reader.dialect,
      writer: writer.dialect,
      canWrite: () => Promise.resolve(true),
      ...(space !== undefined && { isShortOfSpace: watchFreeSpace(path, space, timing.clock) }),
      async close() {
        // The writer last: it moves the log into the file when nobody else has it open.
        reader.close()
        writer.close()
        release()
      },
    }
    return createStore(handles, timing.wait)
  }

  /** Throws `unavailable` unless the file is there, ours and up to date. */
  const requireUpToDate = (): void => {
    requireDatabaseFile(path)
    const { content, migrations: done } = inspectSqliteFile(path)
    if (content === 'original') throw notAdoptedError(path)
    if (filterPendingMigrations(path, migrations, done).length > 0)
      throw outdatedDatabaseError(path)
  }

  return {
    name: path,

    inspect: () =>
      translateErrors(async () =>
        isFileMissing(path) ? 'nothing' : inspectSqliteFile(path).content,
      ),

    listPendingMigrations: () =>
      translateErrors(async () =>
        filterPendingMigrations(
          path,
          migrations,
          isFileMissing(path) ? [] : inspectSqliteFile(path).migrations,
        ),
      ),

    translateErrors,

    openForServer({ create, freeSpaceLimit }) {
      return translateErrors(async (): Promise<OpenedDatabase> => {
        if (!create) requireDatabaseFile(path)
        const lock = acquireDatabaseLock(location.lockFile, path)
        try {
          const { content, created, backupPath } = await prepare(create)
          if (content === 'original') throw notAdoptedError(path)
          const store = openStore(() => lock.release(), freeSpaceLimit)
          return { store, created, isShared: false, backupPath }
        } catch (error) {
          lock.release()
          throw error
        }
      })
    },

    withExclusive({ create }, work) {
      return translateErrors(async () => {
        if (!create) requireDatabaseFile(path)
        const lock = acquireDatabaseLock(location.lockFile, path)
        try {
          const { content } = await prepare(create)
          const use = content === 'ours' ? 'alone' : 'adopting'
          const { dialect, close } = openWriter(path, use)
          try {
            const db = new Kysely<Schema>({ dialect })
            return await work(createExclusiveDatabase(db, content, location, timing, migrations))
          } finally {
            close()
          }
        } finally {
          lock.release()
        }
      })
    },

    withShared(work) {
      return translateErrors(async () => {
        requireUpToDate()
        const store = openStore(() => {})
        try {
          return await work(store)
        } finally {
          await store.close()
        }
      })
    },

    withSnapshot(work) {
      return translateErrors(async () => {
        requireUpToDate()
        const { dialect, close } = openReader(path)
        try {
          return await new Kysely<Schema>({ dialect }).transaction().execute(work)
        } finally {
          close()
        }
      })
    },
  }
}

function createExclusiveDatabase(
  db: Kysely<Schema>,
  content: DatabaseContent,
  location: SqliteLocation,
  timing: Timing,
  migrations: Migrations,
): ExclusiveDatabase {
  return {
    db,
    content,
    engineSql: sqliteSql,
    transaction: (work) => inTransaction(db, beginImmediate, work),
    async migrate() {
      await migrateInTransaction(db, migrations)
      await setApplicationId.execute(db)
    },
    backUp: (operation) => Promise.resolve(backUpBefore(location, operation, timing)),
    deleteAllData: () =>
      sqliteSql.emptyTables(
        db,
        tables.toReversed().map(({ name }) => name),
      ),
  }
}

/** A second handle that cannot be had must not leave the first one open. */
function openWriterOrCloseReader(reader: SqliteHandle, path: string): SqliteHandle {
  try {
    return openWriter(path, 'serving')
  } catch (error) {
    reader.close()
    throw error
  }
}

/**
 * Makes the database under another name and renames it when it is whole, so that an empty file of our name
 * is never the rest of a first start, but the sign of a loss.
 */
async function createDatabase(path: string, migrations: Migrations): Promise<void> {
  for (const side of sideFiles(path)) {
    if (!existsSync(side)) continue
    throw new DomainError('unavailable', `${path} is missing, but ${side} is there`, {
      hint: 'put the database file back beside it; only if nothing of it is wanted, move that file away',
    })
  }
  const draft = `${path}.new`
  for (const rest of [draft, ...sideFiles(draft)]) rmSync(rest, { force: true })

  createSqliteFile(draft)
  chownToFolderOwner(draft)
  await withWriter(draft, async (db) => {
    await inTransaction(db, beginImmediate, () => migrateInTransaction(db, migrations))
    await walCheckpointStatement.execute(db)
  })
  const rest = sideFiles(draft).find((side) => existsSync(side))
  if (rest !== undefined) throw new Error(`${rest} was left behind`)
  syncFile(draft)
  renameSync(draft, path)
  syncFile(dirname(path))
}

/** Lends a writer of its own to work that needs the whole database, and closes it whatever happens. */
async function withWriter(
  path: string,
  work: (db: Kysely<Schema>) => Promise<void>,
): Promise<void> {
  const { dialect, close } = openWriter(path, 'alone')
  try {
    await work(new Kysely<Schema>({ dialect }))
  } finally {
    close()
  }
}

/** Copies the database before something is done to it. The name tells what and when. */
function backUpBefore(
  { path, databaseBackupDir }: SqliteLocation,
  operation: string,
  { clock }: Timing,
): string {
  const target = join(databaseBackupDir, databaseBackupName(operation, clock))
  try {
    copySqliteFile(path, target)
    chownToFolderOwner(target)
  } catch (error) {
    rmSync(target, { force: true })
    throw error
  }
  return target
}
