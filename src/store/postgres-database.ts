import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Dialect, Kysely, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import { postgresColumns } from '../engine/columns'
import { connectPool, connectSession, type PostgresSession } from '../engine/postgres'
import { mayBeStarting } from '../engine/postgres-faults'
import { inspectPostgres, type PostgresInspection } from '../engine/postgres-look'
import type { PostgresAddress } from '../engine/postgres-route'
import { postgresRows } from '../engine/row-words'
import {
  type Content,
  type Database,
  inTransaction,
  migrateWithin,
  notAdopted,
  notUpToDate,
  type Opening,
  pendingOf,
  type Session,
  safetyCopyName,
  type Timing,
} from './database'
import { findKeyFingerprint } from './key-fingerprint'
import { type Migrations, migrationsFor } from './migrations'
import {
  atWork,
  contentOf,
  empty,
  explained,
  inspect,
  ownTables,
  requireSchema,
} from './postgres-content'
import type { Schema } from './schema'
import { sqliteDatabase, sqlitePlace } from './sqlite-database'
import { createStore, type OpenedStore } from './store'
import { copyTables, requireEqual, sumTables } from './transfer'

export interface PostgresPlace {
  readonly address: PostgresAddress
  /** How messages name it. */
  readonly name: string
  /** Where safety copies go. */
  readonly copies: string
}

/** How often a server looks whether the lock that it needs is free, in milliseconds. */
const lockPause = 250

/** How long it waits for a database that is not there yet. */
const startPatience = 10_000

/** How long it waits for a lock: others may be migrating, which takes its time; they may be of an older version, and stay. */
const patienceFor = { migration: 60_000, presence: 10_000 } as const

/** How long one may be waited for who has ended, and how often it is looked for, in milliseconds. */
const lingering = 500
const lingerPause = 50

const begin = sql`begin`

export function postgresDatabase(
  place: PostgresPlace,
  timing: Timing,
  migrations: Migrations = migrationsFor(postgresColumns, timing.clock),
): Database {
  const { name, address } = place

  const withSession = async <T>(
    work: (session: PostgresSession, db: Kysely<Schema>) => Promise<T>,
    connect: () => Promise<PostgresSession> = () => connectSession(address),
  ) => {
    const session = await connect()
    try {
      return await work(session, new Kysely<Schema>({ dialect: session.dialect }))
    } finally {
      await session.close()
    }
  }

  /** Takes the database for one alone. Whoever has just ended may be there for a moment still, as Postgres sees it. */
  const takeWhole = async (session: PostgresSession) => {
    for (let waited = 0; ; waited += lingerPause) {
      if ((await session.take('migration')) && (await session.take('presence'))) return
      if (waited >= lingering) throw atWork(name)
      await timing.wait(lingerPause)
    }
  }

  /** A server is often started together with its database, and is the quicker of the two. */
  const connectInTime = async (waiting?: () => void) => {
    for (let waited = 0; ; waited += lockPause) {
      try {
        return await connectSession(address)
      } catch (error) {
        if (waited >= startPatience || !mayBeStarting(error)) throw error
        if (waited === 0) waiting?.()
        await timing.wait(lockPause)
      }
    }
  }

  /** Waits until a lock is free and takes it; false when the patience ends before. */
  const takeInTime = async (
    session: PostgresSession,
    lock: keyof typeof patienceFor,
    waiting?: () => void,
  ) => {
    for (let waited = 0; !(await session.take(lock)); waited += lockPause) {
      if (waited === 0) waiting?.()
      if (waited >= patienceFor[lock]) return false
      await timing.wait(lockPause)
    }
    return true
  }

  /** Brings what is there up to date: the caller has the migration lock. */
  const bringUpToDate = async (session: PostgresSession, db: Kysely<Schema>, create: boolean) => {
    const inspection = await inspect(name, db)
    const content = contentOf(name, inspection)
    if (content === 'nothing' && !create) throw empty(name)
    const isPending =
      content !== 'original' && pendingOf(name, migrations, inspection.migrations).length > 0
    if (isPending) {
      // An older server would go on over tables that it does not know.
      if (!(await takeInTime(session, 'presence'))) {
        throw new DomainError('conflict', `servers of an older version are at work on ${name}`, {
          hint: 'stop all of them, start one of this version, and then the others',
        })
      }
      const schema = requireSchema(name, inspection)
      await inTransaction(db, begin, () => migrateWithin(db, migrations, schema))
    }
    return {
      content: content === 'nothing' ? 'ours' : content,
      created: content === 'nothing',
      inspection,
    } as const
  }

  /** Sees that a connection is to the database that the server was started on: it may have been replaced. */
  const verify = async (dialect: Dialect, fingerprint: string | null) => {
    const db = new Kysely<Schema>({ dialect })
    const inspection = await inspectPostgres(db)
    const isSame =
      contentOf(name, inspection) === 'ours' &&
      pendingOf(name, migrations, inspection.migrations).length === 0 &&
      (fingerprint === null || (await findKeyFingerprint(db)) === fingerprint)
    if (!isSame)
      throw new Error('the database is not the one that this server was started on: restart it')
  }

  /** Throws `unavailable` unless it is ours and up to date. */
  const requireUpToDate = async (db: Kysely<Schema>): Promise<void> => {
    const inspection = await inspect(name, db)
    const content = contentOf(name, inspection)
    if (content === 'original') throw notAdopted(name)
    if (content === 'nothing') throw empty(name)
    if (pendingOf(name, migrations, inspection.migrations).length > 0) throw notUpToDate(name)
  }

  const openStore = (): OpenedStore => {
    let fingerprint: string | null = null
    const pool = connectPool(address, {
      wait: timing.wait,
      verify: (dialect) => verify(dialect, fingerprint),
    })
    return createStore(
      {
        reader: pool.dialect,
        writer: pool.dialect,
        takesWrites: async (scope) => {
          const { rows } = await sql<{ read_only: string }>`
          select current_setting('transaction_read_only') as read_only
        `.execute(scope)
          return rows[0]?.read_only === 'off'
        },
        keyFound: (found) => {
          fingerprint = found
        },
        close: pool.close,
      },
      timing.wait,
    )
  }

  return {
    name,

    look: () =>
      explained(name, () => withSession(async (_, db) => contentOf(name, await inspect(name, db)))),

    pending: () =>
      explained(name, () =>
        withSession(async (_, db) =>
          pendingOf(name, migrations, (await inspect(name, db)).migrations),
        ),
      ),

    explained: (work) => explained(name, work),

    serve: ({ waiting }) =>
      explained(name, () =>
        withSession(
          async (session, db): Promise<Opening> => {
            if (!(await takeInTime(session, 'migration', waiting))) throw atWork(name)
            const { content, created } = await bringUpToDate(session, db, true)
            if (content === 'original') throw notAdopted(name)
            await session.release('presence')
            const store = openStore()
            try {
              // From here on the presence of this server is known, and before it nobody could come between.
              await store.check()
            } catch (error) {
              await store.close()
              throw error
            }
            return { store, created, isShared: true, safetyCopy: null }
          },
          () => connectInTime(waiting),
        ),
      ),

    alone({ create }, work) {
      return explained(name, () =>
        withSession(async (session, db) => {
          await takeWhole(session)
          const { content, inspection } = await bringUpToDate(session, db, create)
          return await work(sessionOn(db, content, inspection, place, timing, migrations))
        }),
      )
    },

    beside: (work) =>
      explained(name, async () => {
        await withSession((_, db) => requireUpToDate(db))
        const store = openStore()
        try {
          return await work(store)
        } finally {
          await store.close()
        }
      }),

    snapshot: (work) =>
      explained(name, () =>
        withSession(async (_, db) => {
          await requireUpToDate(db)
          return await db
            .transaction()
            .setIsolationLevel('repeatable read')
            .setAccessMode('read only')
            .execute(work)
        }),
      ),
  }
}

function sessionOn(
  db: Kysely<Schema>,
  content: Content,
  inspection: PostgresInspection,
  place: PostgresPlace,
  timing: Timing,
  migrations: Migrations,
): Session {
  return {
    db,
    content,
    words: postgresRows,
    transaction: (work) => inTransaction(db, begin, work),
    migrate: () => migrateWithin(db, migrations, requireSchema(place.name, inspection)),

    async copyForSafety(before) {
      // A transaction undoes an adoption whole; there is nothing of ours to copy yet.
      if (content !== 'ours') return null
      const path = join(place.copies, safetyCopyName(before, timing.clock))
      const copy = sqliteDatabase(sqlitePlace(path, place.copies), timing)
      try {
        await copy.alone({ create: true }, async (session) => {
          const progress = () => {}
          const read = await session.transaction(() => copyTables(db, session.db, { progress }))
          requireEqual(read, await sumTables(session.db, { progress }), path)
        })
      } catch (error) {
        rmSync(path, { force: true })
        throw error
      } finally {
        rmSync(`${path}.lock`, { force: true })
      }
      return path
    },

    async empty() {
      for (const table of ownTables) await sql`drop table ${sql.table(table)}`.execute(db)
    },
  }
}
