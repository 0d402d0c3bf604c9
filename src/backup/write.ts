import { type Dialect, Kysely } from 'kysely'
import type { Clock } from '../domain/world'
import { createSqliteFile, openDraft, syncFile } from '../engine/sqlite'
import { giveToOwner } from '../store/data-folder'
import type { Schema } from '../store/schema'
import { tables } from '../store/tables'
import { copyTables, type Progress, type TableSum } from '../store/transfer'
import { explained } from './faults'
import {
  type ArchiveSchema,
  archiveId,
  createTables,
  describeTable,
  formatVersion,
  sealOf,
} from './format'

/** What an archive tells besides what lies in the database. */
export interface ArchiveNotes {
  /** The version of snailpass that makes it. */
  readonly version: string
  readonly engine: 'sqlite' | 'postgres'
  readonly clock: Clock
  readonly settings: readonly ArchiveSchema['settings'][]
  /** Null: nothing secret goes into it. */
  readonly secrets: readonly ArchiveSchema['secrets'][] | null
}

/** How the database is read. */
export interface Source {
  /** One state of it, for as long as this takes. */
  readonly db: Kysely<Schema>
  readonly progress: Progress
  /** Has faults of the database told as the database's. */
  explained<T>(work: () => Promise<T>): Promise<T>
}

/**
 * Writes everything of a database into the new file `path`, mode 0600, and returns once it is on the disk. Throws
 * `storage_full`, `unavailable`; what was begun is the caller's to remove.
 */
export function writeArchive(
  path: string,
  source: Source,
  notes: ArchiveNotes,
): Promise<readonly TableSum[]> {
  return explained(path, 'written', async () => {
    createSqliteFile(path, archiveId)
    giveToOwner(path)
    const { dialect, close } = openDraft(path)
    try {
      const sums = await fill(dialect, source, notes)
      close()
      syncFile(path)
      return sums
    } catch (error) {
      close()
      throw error
    }
  })
}

async function fill(
  dialect: Dialect,
  { db, progress, explained: reading }: Source,
  { version, engine, clock, settings, secrets }: ArchiveNotes,
): Promise<readonly TableSum[]> {
  const own = new Kysely<ArchiveSchema>({ dialect })
  await createTables(own, secrets !== null)
  const vaults = new Kysely<Schema>({ dialect })
  const sums = await copyTables(db, vaults, { progress, reading })
  const migration = await reading(() => newestMigration(db))
  for (const table of tables) {
    const sum = sums.find((found) => found.table === table.name)
    if (sum === undefined) throw new Error(`${table.name} was not copied`)
    await own.insertInto('manifest_tables').values(describeTable(table, sum)).execute()
  }
  for (const setting of settings) await own.insertInto('settings').values(setting).execute()
  for (const secret of secrets ?? []) await own.insertInto('secrets').values(secret).execute()
  const manifest = {
    format: String(formatVersion),
    snailpass_version: version,
    time: new Date(clock()).toISOString(),
    engine,
    newest_migration: migration,
  }
  const lines = Object.entries(manifest) as [keyof typeof manifest, string][]
  for (const [name, value] of lines) {
    await own.insertInto('manifest').values({ name, value }).execute()
  }
  const value = await sealOf(own, secrets !== null)
  await own.insertInto('manifest').values({ name: 'seal', value }).execute()
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
