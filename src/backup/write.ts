import { type Dialect, Kysely } from 'kysely'
import { copyTables, type Progress, type TableChecksum } from '../database/table-copy'
import type { Clock } from '../domain/runtime'
import { createSqliteFile, openDraft } from '../engine/sqlite/connection'
import { syncFile } from '../files/atomic-file'
import { chownToFolderOwner } from '../files/data-folder'
import type { Schema } from '../store/schema'
import { tables } from '../store/tables'
import { translateBackupErrors } from './faults'
import {
  type BackupSchema,
  backupApplicationId,
  createTables,
  describeTable,
  formatVersion,
  manifestChecksum,
} from './format'

/** What an archive tells besides what lies in the database. */
export interface BackupMetadata {
  /** The version of snailpass that makes it. */
  readonly version: string
  readonly engine: 'sqlite' | 'postgres'
  readonly clock: Clock
  readonly settings: readonly BackupSchema['settings'][]
  /** Null: nothing secret goes into it. */
  readonly secrets: readonly BackupSchema['secrets'][] | null
}

/** How the database is read. */
export interface BackupSource {
  /** One state of it, for as long as this takes. */
  readonly db: Kysely<Schema>
  readonly progress: Progress
  /** Has faults of the database told as the database's. */
  translateErrors<T>(work: () => Promise<T>): Promise<T>
}

/**
 * Writes everything of a database into the new file `path`, mode 0600, and returns once it is on the disk. Throws
 * `storage_full`, `unavailable`; what was begun is the caller's to remove.
 */
export function writeBackupFile(
  path: string,
  source: BackupSource,
  metadata: BackupMetadata,
): Promise<readonly TableChecksum[]> {
  return translateBackupErrors(path, 'written', async () => {
    createSqliteFile(path, backupApplicationId)
    chownToFolderOwner(path)
    const { dialect, close } = openDraft(path)
    try {
      const sums = await writeContents(dialect, source, metadata)
      close()
      syncFile(path)
      return sums
    } catch (error) {
      close()
      throw error
    }
  })
}

async function writeContents(
  dialect: Dialect,
  { db, progress, translateErrors }: BackupSource,
  { version, engine, clock, settings, secrets }: BackupMetadata,
): Promise<readonly TableChecksum[]> {
  const manifestDb = new Kysely<BackupSchema>({ dialect })
  await createTables(manifestDb, secrets !== null)
  const vaults = new Kysely<Schema>({ dialect })
  const sums = await copyTables(db, vaults, { progress, translateErrors })
  const migration = await translateErrors(() => newestMigration(db))
  for (const table of tables) {
    const sum = sums.find((found) => found.table === table.name)
    if (sum === undefined) throw new Error(`${table.name} was not copied`)
    await manifestDb.insertInto('manifest_tables').values(describeTable(table, sum)).execute()
  }
  for (const setting of settings) await manifestDb.insertInto('settings').values(setting).execute()
  for (const secret of secrets ?? [])
    await manifestDb.insertInto('secrets').values(secret).execute()
  const manifest = {
    format: String(formatVersion),
    snailpass_version: version,
    time: new Date(clock()).toISOString(),
    engine,
    newest_migration: migration,
  }
  const lines = Object.entries(manifest) as [keyof typeof manifest, string][]
  for (const [name, value] of lines) {
    await manifestDb.insertInto('manifest').values({ name, value }).execute()
  }
  const value = await manifestChecksum(manifestDb, secrets !== null)
  await manifestDb.insertInto('manifest').values({ name: 'seal', value }).execute()
  return sums
}

async function newestMigration(db: Kysely<Schema>): Promise<string> {
  const row = await db
    .withTables<{ kysely_migration: { name: string } }>()
    .selectFrom('kysely_migration')
    .select('name')
    .orderBy('name', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
  return row.name
}
