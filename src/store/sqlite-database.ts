import { existsSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import { sqliteColumns } from '../engine/columns'
import { sqliteRows } from '../engine/row-words'
import {
  checkpointWholly,
  copySqliteFile,
  createSqliteFile,
  markOurs,
  openReader,
  openWriter,
  type SqliteHandle,
  syncFile,
} from '../engine/sqlite'
import { giveToOwner, lockPath } from './data-folder'
import {
  type Content,
  type Database,
  inTransaction,
  keepingCopy,
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
import type { Schema } from './schema'
import { type SpaceBound, watchSpace } from './space-watch'
import { examine, explain, isMissing, missing, requireFile, sideFiles } from './sqlite-file'
import { createStore, type OpenedStore } from './store'
import { tables } from './tables'

/** What lies at the place once it can be worked on. */
interface Prepared {
  readonly content: 'ours' | 'original'
  readonly created: boolean
  /** Null when nothing was migrated. */
  readonly safetyCopy: string | null
}

export interface SqlitePlace {
  /** Absolute path of the database file. */
  readonly path: string
  /** What is locked while somebody works on it. */
  readonly lock: string
  /** Where safety copies go. */
  readonly copies: string
}

/**
 * The file at a path, its lock beside it: the data folder's own where it lies in one. Links are followed first:
 * whoever comes by another name must find the same lock.
 */
export function sqlitePlace(named: string, copies: string): SqlitePlace {
  const path = realPath(named)
  const isFolders = basename(path) === 'snailpass.db'
  const lock = isFolders ? join(dirname(path), 'server.lock') : `${path}.lock`
  return { path, lock, copies }
}

/** The path without links on it, as far as it is there. */
function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  const folder = dirname(path)
  return existsSync(folder) ? join(realpathSync(folder), basename(path)) : path
}

/** Takes the write lock at once; what begins by reading may not get it later. */
const beginWriting = sql`begin immediate`

export function sqliteDatabase(
  place: SqlitePlace,
  timing: Timing,
  migrations: Migrations = migrationsFor(sqliteColumns, timing.clock),
): Database {
  const { path } = place
  const explained = <T>(work: () => Promise<T>) => explain(path, work)

  /** Under the lock: makes what is missing and brings what is ours up to date. */
  const prepare = async (create: boolean): Promise<Prepared> => {
    const created = isMissing(path)
    if (created && !create) throw missing(path)
    if (created) await createDatabase(path, migrations)
    const { content, migrations: done } = examine(path)
    const isPending = content === 'ours' && pendingOf(path, migrations, done).length > 0
    const safetyCopy = isPending ? await migrateSafely() : null
    return { content, created, safetyCopy }
  }

  const migrateSafely = async (): Promise<string> => {
    const safetyCopy = copyFor(place, 'migration', timing)
    await keepingCopy(safetyCopy, () =>
      withWriter(path, (db) =>
        inTransaction(db, beginWriting, () => migrateWithin(db, migrations)),
      ),
    )
    return safetyCopy
  }

  const openStore = (release: () => void, space?: SpaceBound): OpenedStore => {
    const reader = openReader(path)
    const writer = openWriterBeside(reader, path)
    const handles = {
      reader: reader.dialect,
      writer: writer.dialect,
      takesWrites: () => Promise.resolve(true),
      ...(space !== undefined && { isShortOfSpace: watchSpace(path, space, timing.clock) }),
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
    requireFile(path)
    const { content, migrations: done } = examine(path)
    if (content === 'original') throw notAdopted(path)
    if (pendingOf(path, migrations, done).length > 0) throw notUpToDate(path)
  }

  return {
    name: path,

    look: () => explained(async () => (isMissing(path) ? 'nothing' : examine(path).content)),

    pending: () =>
      explained(async () =>
        pendingOf(path, migrations, isMissing(path) ? [] : examine(path).migrations),
      ),

    explained,

    serve({ create, space }) {
      return explained(async (): Promise<Opening> => {
        if (!create) requireFile(path)
        const lock = lockPath(place.lock, path)
        try {
          const { content, created, safetyCopy } = await prepare(create)
          if (content === 'original') throw notAdopted(path)
          const store = openStore(() => lock.release(), space)
          return { store, created, isShared: false, safetyCopy }
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
          const { content } = await prepare(create)
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

    beside(work) {
      return explained(async () => {
        requireUpToDate()
        const store = openStore(() => {})
        try {
          return await work(store)
        } finally {
          await store.close()
        }
      })
    },

    snapshot(work) {
      return explained(async () => {
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
    transaction: (work) => inTransaction(db, beginWriting, work),
    async migrate() {
      await migrateWithin(db, migrations)
      await markOurs.execute(db)
    },
    copyForSafety: (before) => Promise.resolve(copyFor(place, before, timing)),
    empty: () =>
      sqliteRows.emptyTables(
        db,
        tables.toReversed().map(({ name }) => name),
      ),
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
  giveToOwner(draft)
  await withWriter(draft, async (db) => {
    await inTransaction(db, beginWriting, () => migrateWithin(db, migrations))
    await checkpointWholly.execute(db)
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
function copyFor({ path, copies }: SqlitePlace, before: string, { clock }: Timing): string {
  const target = join(copies, safetyCopyName(before, clock))
  try {
    copySqliteFile(path, target)
    giveToOwner(target)
  } catch (error) {
    rmSync(target, { force: true })
    throw error
  }
  return target
}
