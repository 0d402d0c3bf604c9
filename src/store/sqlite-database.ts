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
import { basename, dirname, join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import { sqliteColumns } from '../engine/columns'
import { engineFault } from '../engine/faults'
import { sqliteRows } from '../engine/row-words'
import {
  applicationId,
  checkpointWholly,
  copySqliteFile,
  createSqliteFile,
  inspectSqlite,
  markOurs,
  openReader,
  openWriter,
  type SqliteHandle,
  type SqliteInspection,
  syncFile,
} from '../engine/sqlite'
import { isSystemFault, lockPath, unusable } from './data-folder'
import {
  type Content,
  type Database,
  migrateWithin,
  notAdopted,
  notUpToDate,
  type Opening,
  pendingOf,
  type Session,
  safetyCopyName,
  type Timing,
} from './database'
import { type Migrations, migrationsFor } from './migrations'
import { isOriginal } from './original-tables'
import type { Schema } from './schema'
import { createStore } from './store'
import { tables } from './tables'

export interface SqlitePlace {
  /** Absolute path of the database file. */
  readonly path: string
  /** What is locked while somebody works on it. */
  readonly lock: string
  /** Where safety copies go. */
  readonly copies: string
}

/** The file at a path, its lock beside it: the data folder's own where it lies in one. */
export function sqlitePlace(path: string, copies: string): SqlitePlace {
  const isFolders = basename(path) === 'snailpass.db'
  const lock = isFolders ? join(dirname(path), 'server.lock') : `${path}.lock`
  return { path, lock, copies }
}

export function sqliteDatabase(
  place: SqlitePlace,
  timing: Timing,
  migrations: Migrations = migrationsFor(sqliteColumns),
): Database {
  const { path } = place
  const explained = <T>(work: () => Promise<T>) => explain(path, work)

  const pending = () => pendingOf(path, migrations, inspect(path).migrations)

  /** Makes the file under the lock when it is missing. */
  const ensure = async (create: boolean): Promise<boolean> => {
    if (!isMissing(path)) return false
    if (!create) throw missing(path)
    await createDatabase(path, migrations)
    return true
  }

  return {
    name: path,
    serve({ create }) {
      return explained(async (): Promise<Opening> => {
        if (!create) requireFile(path)
        const lock = lockPath(place.lock, path)
        try {
          const created = await ensure(create)
          if (contentOf(path) === 'original') throw notAdopted(path)
          const isPending = pending().length > 0
          const safetyCopy = isPending ? copyFor(place, 'migration', timing) : null
          if (isPending) {
            await withWriter(path, (db) => inTransaction(db, () => migrateWithin(db, migrations)))
          }
          const reader = openReader(path)
          const writer = openWriterBeside(reader, path)
          const store = createStore(
            {
              reader: reader.dialect,
              writer: writer.dialect,
              takesWrites: () => Promise.resolve(true),
              async close() {
                // The writer last: it moves the log into the file when nobody else has it open.
                reader.close()
                writer.close()
                lock.release()
              },
            },
            timing.wait,
          )
          return { store, created, safetyCopy }
        } catch (error) {
          lock.release()
          throw error
        }
      })
    },

    alone({ create }, work) {
      return explained(async () => {
        if (!create) requireFile(path)
        const lock = lockPath(place.lock, path)
        try {
          await ensure(create)
          const content = contentOf(path)
          if (content === 'ours') pending()
          else inspect(path)
          const use = content === 'ours' ? 'alone' : 'adopting'
          const { dialect, close } = openWriter(path, use)
          try {
            const db = new Kysely<Schema>({ dialect })
            return await work(sessionOn(db, content, place, timing, migrations))
          } finally {
            close()
          }
        } finally {
          lock.release()
        }
      })
    },

    snapshot(work) {
      return explained(async () => {
        requireFile(path)
        if (contentOf(path) === 'original') throw notAdopted(path)
        if (pending().length > 0) throw notUpToDate(path)
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

function sessionOn(
  db: Kysely<Schema>,
  content: Content,
  place: SqlitePlace,
  timing: Timing,
  migrations: Migrations,
): Session {
  return {
    db,
    content,
    words: sqliteRows,
    transaction: (work) => inTransaction(db, work),
    async migrate() {
      await migrateWithin(db, migrations)
      await markOurs.execute(db)
    },
    copyForSafety: (before) => Promise.resolve(copyFor(place, before, timing)),
    async empty() {
      for (const { name } of tables.toReversed()) await db.deleteFrom(name).execute()
    },
  }
}

/** Faults of the engine and of the file system become refusals that say what to do; bugs stay bugs. */
async function explain<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    switch (engineFault(error)) {
      case null:
        throw isSystemFault(error) ? unusable(path, error) : error
      case 'damaged':
        throw damaged(path, String(error), error)
      default:
        throw unusable(path, error)
    }
  }
}

/** A second handle that cannot be had must not leave the first one open. */
function openWriterBeside(reader: SqliteHandle, path: string): SqliteHandle {
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
  await withWriter(draft, async (db) => {
    await inTransaction(db, () => migrateWithin(db, migrations))
    await checkpointWholly.execute(db)
  })
  const rest = sideFiles(draft).find((side) => existsSync(side))
  if (rest !== undefined) throw new Error(`${rest} was left behind`)
  syncFile(draft)
  renameSync(draft, path)
  syncFile(dirname(path))
}

function sideFiles(database: string): readonly string[] {
  return [`${database}-wal`, `${database}-shm`, `${database}-journal`]
}

/** By hand: Kysely's own transactions would not let the migrator in. */
async function inTransaction<T>(db: Kysely<Schema>, work: () => Promise<T>): Promise<T> {
  await sql`begin immediate`.execute(db)
  try {
    const result = await work()
    await sql`commit`.execute(db)
    return result
  } catch (error) {
    // A full disk has rolled back by itself; a second rollback must not hide the first fault.
    await sql`rollback`.execute(db).catch(() => {})
    throw error
  }
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
function copyFor({ path, copies }: SqlitePlace, before: string, { clock }: Timing): string {
  const target = join(copies, safetyCopyName(before, clock))
  try {
    copySqliteFile(path, target)
  } catch (error) {
    rmSync(target, { force: true })
    throw error
  }
  return target
}

/** Reads the header by itself: SQLite would change a stranger's file by opening it our way. Throws `unavailable`. */
function contentOf(path: string): 'ours' | 'original' {
  // What an interrupted transaction has written of the header is undone by SQLite alone.
  if (existsSync(`${path}-journal`)) inspect(path)
  const header = new Uint8Array(72)
  // SQLite would open a file that it may not write all the same, and fail at the first write.
  accessSync(path, constants.R_OK | constants.W_OK)
  const descriptor = openSync(path, 'r')
  const length = readSync(descriptor, header, 0, header.length, 0)
  closeSync(descriptor)
  if (length === 0) {
    throw new DomainError('unavailable', `${path} is empty: what it held is lost`, {
      hint: `${putBack(path)}; only for a new start, move the empty file away`,
    })
  }
  const magic = new TextDecoder('latin1').decode(header.subarray(0, 16))
  const id = new DataView(header.buffer).getUint32(68)
  if (magic === 'SQLite format 3\0' && length === header.length) {
    if (id === applicationId) return 'ours'
    if (id === 0 && isOriginal(inspect(path).columns)) return 'original'
  }
  throw new DomainError('unavailable', `${path} is not a SnailPass database`, {
    hint: 'move that file away, or name another place with --data-dir or SNAILPASS_DATABASE_URL',
  })
}

function inspect(path: string): SqliteInspection {
  const inspection = inspectSqlite(path)
  if (inspection.complaint !== null) throw damaged(path, inspection.complaint)
  return inspection
}

function damaged(path: string, complaint: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', `${path} is damaged: ${complaint}`, {
    hint: `${putBack(path)}, and look after the disk; nothing was changed`,
    cause,
  })
}

/** What an operator does for a lost database. A log that stays would replay itself over the copy, unseen. */
function putBack(path: string): string {
  const logs = sideFiles(path).filter((side) => existsSync(side))
  const first = logs.length === 0 ? '' : `move ${logs.join(' and ')} away, then `
  return `${first}put a copy of the database back`
}

/** Throws `unavailable` when the file is missing, before anything is made beside it. */
function requireFile(path: string): void {
  if (isMissing(path)) throw missing(path)
}

/** A link whose target is away, on a disk that is not mounted, is no missing database to be made anew. */
function isMissing(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined
}

function missing(path: string): DomainError {
  return new DomainError('unavailable', `there is no database at ${path}`, {
    hint: 'name the right one with --data-dir or SNAILPASS_DATABASE_URL; a new one is made by `snailpass serve`, with --create where a URL names it',
  })
}
