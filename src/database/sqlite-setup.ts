import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Kysely, sql } from 'kysely'
import type { Clock } from '../domain/runtime'
import { createSqliteFile, openWriter, walCheckpointStatement } from '../engine/sqlite/connection'
import { chownToFolderOwner } from '../files/data-folder'
import { renameFile } from '../files/open-elsewhere'
import { syncFile, syncFolder } from '../files/sync'
import type { Migrations } from '../store/migrations/index'
import type { Schema } from '../store/schema'
import {
  databaseBackupName,
  formatFileTime,
  inTransaction,
  migrateInTransaction,
  removeCopyIfRefused,
  type Timing,
} from './database'
import { LostDatabaseError } from './lost-database'
import { copyDatabaseFile, listSideFiles, sideFiles } from './sqlite-file'

/** Takes the write lock at once. A transaction that begins with a read may fail to get it later. */
export const beginImmediate = sql`begin immediate`

/**
 * Creates a database under a draft name, runs `work` on it, and gives it its name once that is complete. So a file under that
 * name is never an interrupted start or restore; an empty one is always a loss. `makeRoom` is called right before: it moves a
 * lost database away. Without it, throws `unavailable` if the log of a lost database exists.
 */
export async function createDatabaseFile<T>(
  path: string,
  { migrations, makeRoom }: { migrations: Migrations; makeRoom?: () => void },
  work: (db: Kysely<Schema>) => Promise<T>,
): Promise<T> {
  const [side] = listSideFiles(path)
  if (side !== undefined && makeRoom === undefined) throw remainingLogError(path, side)
  const draft = `${path}.new`
  const removeDraft = () => {
    for (const file of [draft, ...sideFiles(draft)]) rmSync(file, { force: true })
  }
  removeDraft()
  try {
    createSqliteFile(draft)
    chownToFolderOwner(draft)
    const result = await withWriter(draft, async (db) => {
      await inTransaction(db, beginImmediate, () => migrateInTransaction(db, migrations))
      const result = await work(db)
      await walCheckpointStatement.execute(db)
      return result
    })
    const [remaining] = listSideFiles(draft)
    if (remaining !== undefined) throw new Error(`${remaining} was left behind`)
    syncFile(draft)
    makeRoom?.()
    renameFile(draft, path)
    syncFolder(dirname(path))
    return result
  } catch (error) {
    removeDraft()
    throw error
  }
}

/** Returns the error for the log of a database that is missing. What was written last is only there. */
function remainingLogError(path: string, log: string): LostDatabaseError {
  return new LostDatabaseError('damaged', `${path} is missing, but ${log} exists`, {
    advice: 'or put the database file back, if you have it',
  })
}

/** Moves a lost database and the files beside it away, as `DATABASE-damaged-TIME…`. Returns the new paths. */
export function setAsideDatabase(path: string, clock: Clock): readonly string[] {
  const target = `${path}-damaged-${formatFileTime(clock())}`
  // The database last: as long as it is there, it is known to be damaged.
  const files = [...listSideFiles(path), ...(existsSync(path) ? [path] : [])]
  const moved = files.map((file) => {
    const name = target + file.slice(path.length)
    renameFile(file, name)
    return name
  })
  syncFolder(dirname(path))
  return moved
}

/** Runs the pending migrations. The caller has taken a backup: `removeCopyIfRefused` decides whether it stays. */
export async function migrateDatabaseFile(
  path: string,
  migrations: Migrations,
  backupPath: string,
): Promise<void> {
  await removeCopyIfRefused(backupPath, () =>
    withWriter(path, (db) =>
      inTransaction(db, beginImmediate, () => migrateInTransaction(db, migrations)),
    ),
  )
}

/** Copies a database to `folder` before `operation` changes it. Returns the path of the copy. */
export async function backUpDatabaseFile(
  path: string,
  { folder, operation, clock }: { folder: string; operation: string } & Pick<Timing, 'clock'>,
): Promise<string> {
  const target = join(folder, databaseBackupName(operation, clock))
  try {
    await copyDatabaseFile(path, target)
    chownToFolderOwner(target)
  } catch (error) {
    rmSync(target, { force: true })
    throw error
  }
  return target
}

/** Runs work on a connection that waits for other processes, and closes it afterwards. */
async function withWriter<T>(path: string, work: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
  const { dialect, close } = openWriter(path, 'exclusive')
  try {
    return await work(new Kysely<Schema>({ dialect }))
  } finally {
    close()
  }
}
