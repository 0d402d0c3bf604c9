import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { Kysely, type Migration, Migrator } from 'kysely'
import { DomainError } from '../domain/errors'
import type { Clock, Wait } from '../domain/world'
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
import { type DataFolder, isSystemFault, unusable } from './data-folder'
import { migrations as ourMigrations } from './migrations'
import { type Schema, vaultTables } from './schema'
import { createStore, type OpenedStore } from './store'

type Migrations = Readonly<Record<string, Migration>>

export interface Timing {
  readonly clock: Clock
  readonly wait: Wait
}

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
 * that is something else or may not be written, or a database of a newer version; nothing is changed then.
 */
export function openStore(folder: DataFolder, options: OpenOptions): Promise<Opening> {
  return explained(folder, () => open(folder, options))
}

interface OpenOptions {
  readonly create: boolean
  readonly timing: Timing
  readonly migrations?: Migrations
}

async function open(folder: DataFolder, options: OpenOptions): Promise<Opening> {
  const migrations = options.migrations ?? ourMigrations
  const created = isMissing(folder.database)
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

  const reader = openReader(folder.database)
  const handles = { reader, writer: openWriter(folder.database, 'serving') }
  return { store: createStore(handles, options.timing.wait), created, safetyCopy }
}

/**
 * Deletes every account and vault of a folder that the caller has locked, in one transaction, after a safety
 * copy. Answers where the copy lies. Throws as `openStore` without `create` does.
 */
export function recreateDatabase(folder: DataFolder, timing: Timing): Promise<string> {
  return explained(folder, async () => {
    const { store } = await open(folder, { create: false, timing })
    store.close()
    const safetyCopy = copyForSafety(folder, 'recreate', timing.clock)
    await withWriter(folder.database, (db) =>
      db.transaction().execute(async (tx) => {
        for (const table of vaultTables) await tx.deleteFrom(table).execute()
      }),
    )
    return safetyCopy
  })
}

/** Faults of the engine and of the file system become refusals that say what to do; bugs stay bugs. */
async function explained<T>(folder: DataFolder, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    switch (engineFault(error)) {
      case null:
        throw isSystemFault(error) ? unusable(folder.database, error) : error
      case 'damaged':
        throw damaged(folder, String(error), error)
      default:
        throw unusable(folder.database, error)
    }
  }
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
  const { dialect, close } = openWriter(path, 'alone')
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
    throw error
  }
  return target
}

/** Reads the header by itself: SQLite would change a stranger's file by opening it our way. */
function requireOurs(folder: DataFolder): void {
  const header = new Uint8Array(72)
  // SQLite would open a file that it may not write all the same, and fail at the first write.
  accessSync(folder.database, constants.R_OK | constants.W_OK)
  const descriptor = openSync(folder.database, 'r')
  const length = readSync(descriptor, header, 0, header.length, 0)
  closeSync(descriptor)
  if (length === 0) {
    throw new DomainError('unavailable', `${folder.database} is empty: what it held is lost`, {
      hint: `${putBack(folder)}; only for a new start, move the empty file away`,
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
  const inspection = inspectSqlite(folder.database)
  if (inspection.complaint !== null) throw damaged(folder, inspection.complaint)
  return inspection
}

function damaged(folder: DataFolder, complaint: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', `${folder.database} is damaged: ${complaint}`, {
    hint: `${putBack(folder)}, and look after the disk; nothing was changed`,
    cause,
  })
}

/** What an operator does for a lost database. A log that stays would replay itself over the copy, unseen. */
function putBack(folder: DataFolder): string {
  const logs = sideFiles(folder.database).filter((side) => existsSync(side))
  const first = logs.length === 0 ? '' : `move ${logs.join(' and ')} away, then `
  return `${first}put a copy of the database back`
}

/** Throws `unavailable` when the folder holds no database, before anything is made in it. */
export function requireDatabase(folder: DataFolder): void {
  if (isMissing(folder.database)) throw missing(folder)
}

/** A link whose target is away, on a disk that is not mounted, is no missing database to be made anew. */
function isMissing(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined
}

function missing(folder: DataFolder): DomainError {
  return new DomainError('unavailable', `there is no database in ${folder.path}`, {
    hint: '`snailpass serve` makes one; or name the right folder with --data-dir',
  })
}
