import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Dialect, Kysely, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import { postgresColumnTypes } from '../engine/column-types'
import { postgresSql } from '../engine/engine-sql'
import { connectPool, connectSession, type PostgresSession } from '../engine/postgres/connection'
import { mayBeStarting } from '../engine/postgres/faults'
import type { PostgresAddress } from '../engine/postgres/hosts'
import { inspectPostgres, type PostgresInspection } from '../engine/postgres/inspect'
import { findKeyFingerprint } from '../store/key-fingerprint'
import { type Migrations, migrationsFor } from '../store/migrations/index'
import type { Schema } from '../store/schema'
import { createStore, type OpenedStore } from '../store/store'
import {
  type Database,
  type DatabaseContent,
  databaseBackupName,
  type ExclusiveDatabase,
  filterPendingMigrations,
  inTransaction,
  migrateInTransaction,
  notAdoptedError,
  type OpenedDatabase,
  outdatedDatabaseError,
  type Timing,
} from './database'
import {
  classifyContent,
  databaseInUseError,
  emptyDatabaseError,
  ownTables,
  requireSchema,
  requireUsableDatabase,
  translatePostgresErrors,
} from './postgres-content'
import { resolveSqliteLocation, sqliteDatabase } from './sqlite-database'
import { checksumTables, copyTables, requireEqualChecksums } from './table-copy'

export interface PostgresLocation {
  readonly address: PostgresAddress
  /** How messages name it. */
  readonly name: string
  /** Where safety copies go. */
  readonly databaseBackupDir: string
}

/** How often a server looks whether the lock that it needs is free, in milliseconds. */
const lockPollInterval = 250

/** How long it waits for a database that is not there yet. */
const startTimeout = 10_000

/** How long it waits for a lock: others may be migrating, which takes its time; they may be of an older version, and stay. */
const lockTimeouts = { migration: 60_000, presence: 10_000 } as const

/** How long one may be waited for who has ended, and how often it is looked for, in milliseconds. */
const disconnectTimeout = 500
const disconnectPollInterval = 50

const begin = sql`begin`

export function postgresDatabase(
  location: PostgresLocation,
  timing: Timing,
  migrations: Migrations = migrationsFor(postgresColumnTypes, timing.clock),
): Database {
  const { name, address } = location

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
  const lockExclusively = async (session: PostgresSession) => {
    for (let waited = 0; ; waited += disconnectPollInterval) {
      if ((await session.tryLock('migration')) && (await session.tryLock('presence'))) return
      if (waited >= disconnectTimeout) throw databaseInUseError(name)
      await timing.wait(disconnectPollInterval)
    }
  }

  /** A server is often started together with its database, and is the quicker of the two. */
  const connectWithRetries = async (onWaiting?: () => void) => {
    for (let waited = 0; ; waited += lockPollInterval) {
      try {
        return await connectSession(address)
      } catch (error) {
        if (waited >= startTimeout || !mayBeStarting(error)) throw error
        if (waited === 0) onWaiting?.()
        await timing.wait(lockPollInterval)
      }
    }
  }

  /** Waits until a lock is free and takes it; false when the patience ends before. */
  const waitForLock = async (
    session: PostgresSession,
    lock: keyof typeof lockTimeouts,
    onWaiting?: () => void,
  ) => {
    for (let waited = 0; !(await session.tryLock(lock)); waited += lockPollInterval) {
      if (waited === 0) onWaiting?.()
      if (waited >= lockTimeouts[lock]) return false
      await timing.wait(lockPollInterval)
    }
    return true
  }

  /** Brings what is there up to date: the caller has the migration lock. */
  const bringUpToDate = async (session: PostgresSession, db: Kysely<Schema>, create: boolean) => {
    const inspection = await requireUsableDatabase(name, db)
    const content = classifyContent(name, inspection)
    if (content === 'nothing' && !create) throw emptyDatabaseError(name)
    const isPending =
      content !== 'original' &&
      filterPendingMigrations(name, migrations, inspection.migrations).length > 0
    if (isPending) {
      // An older server would go on over tables that it does not know.
      if (!(await waitForLock(session, 'presence'))) {
        throw new DomainError('conflict', `servers of an older version are at work on ${name}`, {
          hint: 'stop all of them, start one of this version, and then the others',
        })
      }
      const schema = requireSchema(name, inspection)
      await inTransaction(db, begin, () => migrateInTransaction(db, migrations, schema))
    }
    return {
      content: content === 'nothing' ? 'ours' : content,
      created: content === 'nothing',
      inspection,
    } as const
  }

  /** Sees that a connection is to the database that the server was started on: it may have been replaced. */
  const verifyConnection = async (dialect: Dialect, fingerprint: string | null) => {
    const db = new Kysely<Schema>({ dialect })
    const inspection = await inspectPostgres(db)
    const isSame =
      classifyContent(name, inspection) === 'ours' &&
      filterPendingMigrations(name, migrations, inspection.migrations).length === 0 &&
      (fingerprint === null || (await findKeyFingerprint(db)) === fingerprint)
    if (!isSame)
      throw new Error('the database is not the one that this server was started on: restart it')
  }

  /** Throws `unavailable` unless it is ours and up to date. */
  const requireUpToDate = async (db: Kysely<Schema>): Promise<void> => {
    const inspection = await requireUsableDatabase(name, db)
    const content = classifyContent(name, inspection)
    if (content === 'original') throw notAdoptedError(name)
    if (content === 'nothing') throw emptyDatabaseError(name)
    if (filterPendingMigrations(name, migrations, inspection.migrations).length > 0)
      throw outdatedDatabaseError(name)
  }

  const openStore = (): OpenedStore => {
    let fingerprint: string | null = null
    const pool = connectPool(address, {
      wait: timing.wait,
      verify: (dialect) => verifyConnection(dialect, fingerprint),
    })
    return createStore(
      {
        reader: pool.dialect,
        writer: pool.dialect,
        canWrite: async (db) => {
          const { rows } = await sql<{ read_only: string }>`
          select current_setting('transaction_read_only') as read_only
        `.execute(db)
          return rows[0]?.read_only === 'off'
        },
        onKeyFingerprint: (found) => {
          fingerprint = found
        },
        close: pool.close,
      },
      timing.wait,
    )
  }

  return {
    name,

    inspect: () =>
      translatePostgresErrors(name, () =>
        withSession(async (_, db) => classifyContent(name, await requireUsableDatabase(name, db))),
      ),

    listPendingMigrations: () =>
      translatePostgresErrors(name, () =>
        withSession(async (_, db) =>
          filterPendingMigrations(
            name,
            migrations,
            (await requireUsableDatabase(name, db)).migrations,
          ),
        ),
      ),

    translateErrors: (work) => translatePostgresErrors(name, work),

    openForServer: ({ onWaiting }) =>
      translatePostgresErrors(name, () =>
        withSession(
          async (session, db): Promise<OpenedDatabase> => {
            if (!(await waitForLock(session, 'migration', onWaiting)))
              throw databaseInUseError(name)
            const { content, created } = await bringUpToDate(session, db, true)
            if (content === 'original') throw notAdoptedError(name)
            await session.unlock('presence')
            const store = openStore()
            try {
              // From here on the presence of this server is known, and before it nobody could come between.
              await store.check()
            } catch (error) {
              await store.close()
              throw error
            }
            return { store, created, isShared: true, backupPath: null }
          },
          () => connectWithRetries(onWaiting),
        ),
      ),

    withExclusive({ create }, work) {
      return translatePostgresErrors(name, () =>
        withSession(async (session, db) => {
          await lockExclusively(session)
          const { content, inspection } = await bringUpToDate(session, db, create)
          return await work(
            createExclusiveDatabase(db, content, inspection, location, timing, migrations),
          )
        }),
      )
    },

    withShared: (work) =>
      translatePostgresErrors(name, async () => {
        await withSession((_, db) => requireUpToDate(db))
        const store = openStore()
        try {
          return await work(store)
        } finally {
          await store.close()
        }
      }),

    withSnapshot: (work) =>
      translatePostgresErrors(name, () =>
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

function createExclusiveDatabase(
  db: Kysely<Schema>,
  content: DatabaseContent,
  inspection: PostgresInspection,
  location: PostgresLocation,
  timing: Timing,
  migrations: Migrations,
): ExclusiveDatabase {
  return {
    db,
    content,
    engineSql: postgresSql,
    transaction: (work) => inTransaction(db, begin, work),
    migrate: () => migrateInTransaction(db, migrations, requireSchema(location.name, inspection)),

    async backUp(operation) {
      // A transaction undoes an adoption whole; there is nothing of ours to copy yet.
      if (content !== 'ours') return null
      const path = join(location.databaseBackupDir, databaseBackupName(operation, timing.clock))
      const copy = sqliteDatabase(resolveSqliteLocation(path, location.databaseBackupDir), timing)
      try {
        await copy.withExclusive({ create: true }, async (target) => {
          const progress = () => {}
          const read = await target.transaction(() => copyTables(db, target.db, { progress }))
          requireEqualChecksums(read, await checksumTables(target.db, { progress }), path)
        })
      } catch (error) {
        rmSync(path, { force: true })
        throw error
      } finally {
        rmSync(`${path}.lock`, { force: true })
      }
      return path
    },

    async deleteAllData() {
      for (const table of ownTables) await sql`drop table ${sql.table(table)}`.execute(db)
    },
  }
}
