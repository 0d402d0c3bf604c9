import { type Kysely, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import { postgresColumnTypes } from '../engine/column-types'
import { postgresSql } from '../engine/engine-sql'
import type { PostgresSession } from '../engine/postgres/connection'
import { databaseInUseError } from '../files/data-folder'
import { type Migrations, migrationsFor } from '../store/migrations/index'
import type { Schema } from '../store/schema'
import type { OpenedStore } from '../store/store'
import {
  type Database,
  type DatabaseContent,
  type DatabaseTarget,
  type ExclusiveDatabase,
  type ExclusiveOptions,
  filterPendingMigrations,
  inTransaction,
  migrateInTransaction,
  type OpenedDatabase,
  requireAdopted,
  requireUpToDate,
  type ServerOpenOptions,
  type SnapshotDb,
  type Timing,
  withStore,
} from './database'
import { missingDatabaseError } from './lost-database'
import { dropOwnTables } from './own-tables'
import { backUpTables } from './postgres-backup'
import {
  type InspectedPostgresDatabase,
  inspectPostgresDatabase,
  translatePostgresErrors,
} from './postgres-content'
import { connectionTarget, type PostgresLocation } from './postgres-location'
import { requireRights } from './postgres-rights'
import {
  connectTo,
  connectWhenStarted,
  lockExclusively,
  requireOwnSession,
  waitForLock,
  withSession,
} from './postgres-session'
import { openPoolStore } from './postgres-store'
import {
  checkStructure,
  namesToCreate,
  requireExpectedStructure,
  requireFreeNames,
} from './structure-check'

const begin = sql`begin`

type Target = DatabaseTarget<PostgresLocation>

/** Returns the database at an address. Nothing connects to it yet. */
export function postgresDatabase(
  location: PostgresLocation,
  timing: Timing,
  migrations: Migrations = migrationsFor(postgresColumnTypes, timing.clock),
): Database {
  const target: Target = { location, timing, migrations }
  const { name } = location
  const translateErrors = <T>(work: () => Promise<T>) => translatePostgresErrors(name, work)
  return {
    name,
    translateErrors,
    inspect: () => translateErrors(() => inspect(target)),
    listPendingMigrations: () => translateErrors(() => listPendingMigrations(target)),
    openForServer: (options) => translateErrors(() => openForServer(target, options)),
    withExclusive: (options, work) => translateErrors(() => withExclusive(target, options, work)),
    withShared: (work) => translateErrors(() => withShared(target, work)),
    withSnapshot: (work) => translateErrors(() => withSnapshot(target, work)),
    listForeignObjects: () => translateErrors(() => listForeignObjects(target)),
    findEngineVersion: () => translateErrors(() => findEngineVersion(target)),
  }
}

async function inspect({ location }: Target): Promise<DatabaseContent> {
  const { name } = location
  return await withSession(
    connectTo(location),
    async (_, db) => (await inspectPostgresDatabase(name, db)).content,
  )
}

async function listPendingMigrations({ location, migrations }: Target): Promise<readonly string[]> {
  const { name } = location
  return await withSession(connectTo(location), async (_, db) =>
    filterPendingMigrations(name, migrations, (await inspectPostgresDatabase(name, db)).migrations),
  )
}

async function openForServer(
  target: Target,
  { create, onWaiting, onWriteChange, onWeakLogin, beforeMigration }: ServerOpenOptions,
): Promise<OpenedDatabase> {
  const { location, timing } = target
  const { name } = location
  const { wait } = timing
  return await withSession(
    connectWhenStarted(connectionTarget(location, onWeakLogin), { wait, onWaiting }),
    async (session, db) => {
      await requireOwnSession(location, db)
      if (!(await waitForLock(session, 'migration', { wait, onWaiting })))
        throw databaseInUseError(name)
      const inspected = await inspectPostgresDatabase(name, db)
      if (inspected.content === 'nothing' && !create) throw missingDatabaseError(name)
      const { content, created } = await bringUpToDate(
        target,
        { session, db, inspected },
        beforeMigration,
      )
      requireAdopted({ content }, { name })
      await requireRights(name, db)
      await session.unlock('presence')
      const store = openPoolStore(target, onWriteChange)
      try {
        // The check opens a connection, which holds the presence lock. Until then, the migration lock keeps others out.
        await store.check()
      } catch (error) {
        await store.close()
        throw error
      }
      return { store, created, isShared: true, backupPath: null, upkeep: null, pendingCheck: null }
    },
  )
}

async function withExclusive<T>(
  target: Target,
  { create }: ExclusiveOptions,
  work: (database: ExclusiveDatabase) => Promise<T>,
): Promise<T> {
  const { location, timing, migrations } = target
  const { name } = location
  return await withSession(connectTo(location), async (session, db) => {
    await requireOwnSession(location, db)
    if (!(await lockExclusively(session, timing.wait))) throw databaseInUseError(name)
    const inspected = await inspectPostgresDatabase(name, db)
    if (inspected.content !== 'nothing') {
      const current = await bringUpToDate(target, { session, db, inspected })
      return await work(createExclusiveDatabase(target, db, current))
    }
    if (!create) throw missingDatabaseError(name)
    await requireFreeNames({ db, name, migrations, done: [] })
    // The tables are created together with what the work does.
    return await inTransaction(db, begin, async () => {
      await migrate(target, db, inspected.schema)
      const database = createExclusiveDatabase(target, db, { ...inspected, content: 'ours' })
      return await work({
        ...database,
        transaction: (work) => work(),
        backUp: () => Promise.resolve(null),
      })
    })
  })
}

async function withShared<T>(target: Target, work: (store: OpenedStore) => Promise<T>): Promise<T> {
  await withSession(connectTo(target.location), (_, db) => requireUsable(target, db))
  return await withStore(openPoolStore(target), work)
}

async function withSnapshot<T>(target: Target, work: (db: SnapshotDb) => Promise<T>): Promise<T> {
  return await withSession(connectTo(target.location), async (_, db) => {
    await requireUsable(target, db)
    return await db
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(work)
  })
}

/** Throws `unavailable` unless the database is ours, up to date, and as the migrations created it. */
async function requireUsable({ location, migrations }: Target, db: Kysely<Schema>): Promise<void> {
  const { name } = location
  const inspected = await inspectPostgresDatabase(name, db)
  requireUpToDate(name, migrations, inspected)
  await requireExpectedStructure({ db, name, migrations, done: inspected.migrations })
}

async function listForeignObjects({ location, migrations }: Target): Promise<readonly string[]> {
  const { name } = location
  return await withSession(connectTo(location), async (_, db) => {
    const { migrations: done } = await inspectPostgresDatabase(name, db)
    return (await checkStructure({ db, name, migrations, done })).notes
  })
}

async function findEngineVersion({ location }: Target): Promise<string> {
  return await withSession(connectTo(location), async (_, db) => {
    const { rows } = await sql<{ version: string }>`
      select current_setting('server_version') as version
    `.execute(db)
    // Distributions add the name of their package: 17.2 (Debian 17.2-1.pgdg120+1).
    return `Postgres ${/^[\w.]*/.exec(rows[0]?.version ?? '')?.[0]}`
  })
}

/**
 * Creates or migrates our tables in one transaction, so no backup is needed. Tables of the original server are not changed.
 * The caller holds the migration lock.
 */
async function bringUpToDate(
  target: Target,
  {
    session,
    db,
    inspected,
  }: { session: PostgresSession; db: Kysely<Schema>; inspected: InspectedPostgresDatabase },
  beforeMigration: ServerOpenOptions['beforeMigration'] = undefined,
): Promise<Pick<OpenedDatabase, 'created'> & InspectedPostgresDatabase> {
  const { location, timing, migrations } = target
  const { name } = location
  const { content, migrations: done, schema } = inspected
  const isPending =
    content !== 'original' && filterPendingMigrations(name, migrations, done).length > 0
  if (content === 'ours') await requireExpectedStructure({ db, name, migrations, done })
  if (content === 'nothing') await requireFreeNames({ db, name, migrations, done })
  if (isPending) {
    // An older server would work on tables that it does not know.
    if (!(await waitForLock(session, 'presence', timing))) {
      throw new DomainError('conflict', `servers of an older version are using ${name}`, {
        hint: 'stop all of them, start one of this version, and then the others',
      })
    }
    if (content === 'ours') await beforeMigration?.()
    await inTransaction(db, begin, () => migrate(target, db, schema))
  }
  return {
    ...inspected,
    content: content === 'nothing' ? 'ours' : content,
    created: content === 'nothing',
  }
}

/** Runs the pending migrations in a transaction of the caller. An event trigger may have changed what they create. */
async function migrate(
  { location, migrations }: Target,
  db: Kysely<Schema>,
  schema: string,
): Promise<void> {
  await migrateInTransaction(db, migrations, schema)
  const { name } = location
  await requireExpectedStructure({ db, name, migrations, done: Object.keys(migrations) })
}

function createExclusiveDatabase(
  target: Target,
  db: Kysely<Schema>,
  { content, schema }: InspectedPostgresDatabase,
): ExclusiveDatabase {
  const { location, timing, migrations } = target
  return {
    name: location.name,
    db,
    content,
    lost: null,
    engineSql: postgresSql,
    transaction: (work) => inTransaction(db, begin, work),
    listNeededNames: () => namesToCreate(migrations),
    migrate: () => migrate(target, db, schema),
    backUp: async (operation) =>
      // Before an adoption none of our tables exists, and a failed adoption is rolled back.
      content === 'ours'
        ? await backUpTables(db, { folder: location.databaseBackupDir, operation, timing })
        : null,
    async deleteAllData() {
      const { name } = location
      await requireFreeNames({ db, name, migrations, done: Object.keys(migrations) })
      await dropOwnTables(db)
    },
  }
}
