import { closeSync, existsSync, openSync, readSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely, type Migration, Migrator } from 'kysely'
import { DomainError } from '../domain/errors'
import type { Clock } from '../domain/world'
import {
  applicationId,
  checkpointWholly,
  copySqliteFile,
  createSqliteFile,
  inspectSqlite,
  openReader,
  openWriter,
  type SqliteInspection,
  syncFile,
} from '../engine/sqlite'
import { engineFault } from '../engine/sqlite-faults'
import type { DataFolder } from './data-folder'
import { migrations as ourMigrations } from './migrations'
import { type Schema, vaultTables } from './schema'
import { createStore, type OpenedStore, type Timing } from './store'

type Migrations = Readonly<Record<string, Migration>>

export interface Opening {
  readonly store: OpenedStore
  /** Whether there was no database before. */
  readonly created: boolean
  /** Where the copy from before a migration lies, null when nothing was migrated. */
  readonly safetyCopy: string | null
}

/**
 * Opens the database of a folder, which the caller has locked, and brings it up to date.
 *
 * Throws `unavailable`, with what to do, for a missing database (unless `create`), a damaged one, a file
 * that is something else, or a database of a newer version; nothing is changed then.
 */
export async function openStore(
  folder: DataFolder,
  options: { create: boolean; timing: Timing; migrations?: Migrations },
): Promise<Opening> {
  const migrations = options.migrations ?? ourMigrations
  const created = !existsSync(folder.database)
  if (!options.create) requireDatabase(folder)
  if (created) await createDatabase(folder, migrations)
  requireOurs(folder)
  const done = new Set(inspect(folder).migrations)
  const newer = [...done].find((name) => !(name in migrations))
  if (newer !== undefined) {
    throw new DomainError(
      'unavailable',
      `${folder.database} belongs to a newer snailpass (it knows ${newer})`,
      { hint: 'install that version or a later one; this one would damage it' },
    )
  }
  const isPending = Object.keys(migrations).some((name) => !done.has(name))
  const safetyCopy = isPending ? copyForSafety(folder, 'migration', options.timing.clock) : null

  if (isPending) await withWriter(folder.database, (db) => migrate(db, migrations))

  const handles = { writer: openWriter(folder.database), reader: openReader(folder.database) }
  return { store: createStore(handles, options.timing), created, safetyCopy }
}

/**
 * Deletes every account and vault of a folder that the caller has locked, in one transaction, after a safety
 * copy. Answers where the copy lies. Throws as `openStore` without `create` does.
 */
export async function recreateDatabase(folder: DataFolder, timing: Timing): Promise<string> {
  const { store } = await openStore(folder, { create: false, timing })
  store.close()
  const safetyCopy = copyForSafety(folder, 'recreate', timing.clock)
  await withWriter(folder.database, (db) =>
    db.transaction().execute(async (tx) => {
      for (const table of vaultTables) await tx.deleteFrom(table).execute()
    }),
  )
  return safetyCopy
}

/**
 * Makes the database under another name and renames it when it is whole, so that an empty file of our name
 * is never the rest of a first start, but the sign of a loss.
 */
async function createDatabase(folder: DataFolder, migrations: Migrations): Promise<void> {
  for (const side of sideFiles(folder.database)) {
    if (!existsSync(side)) continue
    throw new DomainError('unavailable', `${folder.database} is missing, but ${side} is there`, {
      hint: 'put the database file back beside it; only if nothing of it is wanted, move that file away',
    })
  }
  const draft = `${folder.database}.new`
  for (const rest of [draft, ...sideFiles(draft)]) rmSync(rest, { force: true })

  createSqliteFile(draft)
  await withWriter(draft, async (db) => {
    await migrate(db, migrations)
    await checkpointWholly.execute(db)
  })
  const rest = sideFiles(draft).find((side) => existsSync(side))
  if (rest !== undefined) throw new Error(`${rest} was left behind`)
  syncFile(draft)
  renameSync(draft, folder.database)
  syncFile(folder.path)
}

function sideFiles(database: string): readonly string[] {
  return [`${database}-wal`, `${database}-shm`, `${database}-journal`]
}

/** Runs what is pending in one transaction: all of it, or nothing when any of it throws. */
async function migrate(db: Kysely<Schema>, migrations: Migrations): Promise<void> {
  const provider = { getMigrations: () => Promise.resolve({ ...migrations }) }
  const { error } = await new Migrator({ db, provider }).migrateToLatest()
  if (error !== undefined) throw error
}

/** Lends a writer of its own to work that needs the whole database, and closes it whatever happens. */
async function withWriter(
  path: string,
  work: (db: Kysely<Schema>) => Promise<void>,
): Promise<void> {
  const { dialect, close } = openWriter(path)
  try {
    await work(new Kysely<Schema>({ dialect }))
  } finally {
    close()
  }
}

/** Copies the database before something is done to it. The name tells what and when. */
function copyForSafety(folder: DataFolder, before: string, clock: Clock): string {
  const time = new Date(clock()).toISOString().replaceAll(/[-:.]/g, '')
  const target = join(folder.path, `snailpass-before-${before}-${time}.db`)
  try {
    copySqliteFile(folder.database, target)
  } catch (error) {
    rmSync(target, { force: true })
    if (engineFault(error) !== 'full') throw error
    throw new DomainError('storage_full', `no space is left in ${folder.path} for a safety copy`, {
      hint: 'free some space and try again; nothing was changed',
      cause: error,
    })
  }
  return target
}

/** Reads the header by itself: SQLite would change a stranger's file by opening it our way. */
function requireOurs(folder: DataFolder): void {
  const header = new Uint8Array(72)
  let length: number
  try {
    const descriptor = openSync(folder.database, 'r')
    length = readSync(descriptor, header, 0, header.length, 0)
    closeSync(descriptor)
  } catch (cause) {
    throw new DomainError('unavailable', `${folder.database} can't be read: ${String(cause)}`, {
      hint: 'make it readable for the user that runs snailpass',
      cause,
    })
  }
  if (length === 0) {
    throw new DomainError('unavailable', `${folder.database} is empty: what it held is lost`, {
      hint: 'put a copy of the database back; only for a new start, move the empty file away',
    })
  }
  const magic = new TextDecoder('latin1').decode(header.subarray(0, 16))
  const id = new DataView(header.buffer).getUint32(68)
  if (magic !== 'SQLite format 3\0' || id !== applicationId) {
    throw new DomainError('unavailable', `${folder.database} is not a SnailPass database`, {
      hint: 'move that file away, or name another folder with --data-dir',
    })
  }
}

function inspect(folder: DataFolder): SqliteInspection {
  const damaged = (what: string, cause?: unknown) =>
    new DomainError('unavailable', `${folder.database} is damaged: ${what}`, {
      hint: 'put a copy of the database back, and look after the disk; nothing was changed',
      cause,
    })
  try {
    const inspection = inspectSqlite(folder.database)
    if (inspection.complaint === null) return inspection
    throw damaged(inspection.complaint)
  } catch (error) {
    if (engineFault(error) === 'damaged') throw damaged(String(error), error)
    throw error
  }
}

/** Throws `unavailable` when the folder holds no database, before anything is made in it. */
export function requireDatabase(folder: DataFolder): void {
  if (!existsSync(folder.database)) throw missing(folder)
}

function missing(folder: DataFolder): DomainError {
  return new DomainError('unavailable', `there is no database in ${folder.path}`, {
    hint: '`snailpass serve` makes one; or name the right folder with --data-dir',
  })
}
