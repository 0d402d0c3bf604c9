import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import { createSqliteFile, openWriter, walCheckpointStatement } from '../engine/sqlite/connection'
import { chownToFolderOwner } from '../files/data-folder'
import { renameFile } from '../files/open-elsewhere'
import { syncFile, syncFolder } from '../files/sync'
import type { Migrations } from '../store/migrations/index'
import type { Schema } from '../store/schema'
import {
  databaseBackupName,
  inTransaction,
  migrateInTransaction,
  removeCopyIfRefused,
  type Timing,
} from './database'
import { copyDatabaseFile, listSideFiles, sideFiles } from './sqlite-file'

/** Takes the write lock at once. A transaction that begins with a read may fail to get it later. */
export const beginImmediate = sql`begin immediate`

/**
 * Creates a database under a draft name and renames it once it is complete. An empty file under the final name is therefore
 * never an interrupted first start, but always a loss. Throws `unavailable` if the log of a lost database exists.
 */
export async function createDatabaseFile(path: string, migrations: Migrations): Promise<void> {
  const [side] = listSideFiles(path)
  if (side !== undefined) {
    throw new DomainError('unavailable', `${path} is missing, but ${side} exists`, {
      hint: `restore the database file; move ${side} away only if you don't need its data`,
    })
  }
  const draft = `${path}.new`
  for (const file of [draft, ...sideFiles(draft)]) rmSync(file, { force: true })

  createSqliteFile(draft)
  chownToFolderOwner(draft)
  await withWriter(draft, async (db) => {
    await inTransaction(db, beginImmediate, () => migrateInTransaction(db, migrations))
    await walCheckpointStatement.execute(db)
  })
  const [remaining] = listSideFiles(draft)
  if (remaining !== undefined) throw new Error(`${remaining} was left behind`)
  syncFile(draft)
  renameFile(draft, path)
  syncFolder(dirname(path))
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
export function backUpDatabaseFile(
  path: string,
  { folder, operation, clock }: { folder: string; operation: string } & Pick<Timing, 'clock'>,
): string {
  const target = join(folder, databaseBackupName(operation, clock))
  try {
    copyDatabaseFile(path, target)
    chownToFolderOwner(target)
  } catch (error) {
    rmSync(target, { force: true })
    throw error
  }
  return target
}

/** Runs work on a connection that waits for other processes, and closes it afterwards. */
async function withWriter(
  path: string,
  work: (db: Kysely<Schema>) => Promise<void>,
): Promise<void> {
  const { dialect, close } = openWriter(path, 'exclusive')
  try {
    await work(new Kysely<Schema>({ dialect }))
  } finally {
    close()
  }
}
