import { type Dialect, Kysely } from 'kysely'
import { copyTables, type Progress, type TableChecksum } from '../database/table-copy'
import type { BackupSigner } from '../domain/backup-signer'
import type { Clock } from '../domain/runtime'
import { createSqliteFile, openDraft } from '../engine/sqlite/connection'
import { chownToFolderOwner } from '../files/data-folder'
import { syncFile } from '../files/sync'
import type { Schema } from '../store/schema'
import { tables } from '../store/tables'
import { translateBackupErrors } from './faults'
import { ifSupported } from './file-systems'
import {
  type BackupSchema,
  backupApplicationId,
  createTables,
  describeTable,
  formatVersion,
  type ManifestName,
  manifestChecksum,
  signedChecksum,
} from './format'

/** What a backup contains besides the tables of the database. */
export interface BackupMetadata {
  /** Version of snailpass. */
  readonly version: string
  readonly engine: 'sqlite' | 'postgres'
  readonly clock: Clock
  readonly settings: readonly BackupSchema['settings'][]
  /** Null for a backup without secrets. */
  readonly secrets: readonly BackupSchema['secrets'][] | null
  /** Left out if there is no secret key: the backup has no signature then. */
  readonly signer?: BackupSigner
}

/** The database that is backed up. */
export interface BackupSource {
  /** Must not change during the backup: a snapshot. */
  readonly db: Kysely<Schema>
  readonly progress: Progress
  /** Translates errors of this database, as opposed to those of the backup file. */
  translateErrors<T>(work: () => Promise<T>): Promise<T>
}

/**
 * Writes all tables of a database to the new file `path`, mode 0600, and returns their checksums once the file is on the
 * disk. Throws `storage_full`, `unavailable`; the caller removes the file then.
 */
export function writeBackupFile(
  path: string,
  source: BackupSource,
  metadata: BackupMetadata,
): Promise<readonly TableChecksum[]> {
  return translateBackupErrors(path, 'written', async () => {
    createSqliteFile(path, backupApplicationId)
    ifSupported(() => chownToFolderOwner(path))
    const { dialect, close } = openDraft(path)
    try {
      const checksums = await writeContents(dialect, source, metadata)
      close()
      ifSupported(() => syncFile(path))
      return checksums
    } catch (error) {
      close()
      throw error
    }
  })
}

async function writeContents(
  dialect: Dialect,
  { db, progress, translateErrors }: BackupSource,
  { version, engine, clock, settings, secrets, signer }: BackupMetadata,
): Promise<readonly TableChecksum[]> {
  const manifestDb = new Kysely<BackupSchema>({ dialect })
  await createTables(manifestDb, secrets !== null)
  const vaults = new Kysely<Schema>({ dialect })
  const checksums = await copyTables(db, vaults, { progress, translateErrors })
  const migration = await translateErrors(() => newestMigration(db))
  for (const table of tables) {
    const checksum = checksums.find((found) => found.table === table.name)
    if (checksum === undefined) throw new Error(`${table.name} was not copied`)
    await manifestDb.insertInto('manifest_tables').values(describeTable(table, checksum)).execute()
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
  const hasSecrets = secrets !== null
  const add = (name: ManifestName, value: string) =>
    manifestDb.insertInto('manifest').values({ name, value }).execute()
  const properties = Object.entries(manifest) as [keyof typeof manifest, string][]
  for (const [name, value] of properties) await add(name, value)
  if (signer !== undefined) {
    await add('key_fingerprint', signer.fingerprint)
    await add('mac', signer.sign(await signedChecksum(manifestDb, hasSecrets)))
  }
  await add('seal', await manifestChecksum(manifestDb, hasSecrets))
  return checksums
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
