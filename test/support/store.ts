import { Database as SqliteFile } from 'bun:sqlite'
import { spyOn } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { type Dialect, Kysely, sql } from 'kysely'
import { Client } from 'pg'
import { nameOfLocation, parseDatabaseUrl } from '../../src/config/database-url'
import type { Database, Timing } from '../../src/database/database'
import { postgresDatabase } from '../../src/database/postgres-database'
import { sqliteDatabase } from '../../src/database/sqlite-database'
import { resolveSqliteLocation } from '../../src/database/sqlite-location'
import type { MonotonicClock } from '../../src/domain/runtime'
import type { WriteTransaction } from '../../src/domain/store'
import type { SignedInUser, User, UserWithRevision } from '../../src/domain/user'
import type { HistoryKeeping, WritableVault } from '../../src/domain/vault'
import { directQueriesOf, offerDirectQueries } from '../../src/engine/direct-queries'
import { openReader, openSingleReader, openWriter } from '../../src/engine/sqlite/connection'
import { createStore, type DatabaseHandles, type OpenedStore } from '../../src/store/store'
import { temporaryFolder } from './executable'
import {
  createPostgresDatabaseWithTables,
  type PostgresDatabase,
  type PostgresVersion,
  queryPostgres,
} from './postgres'
import { patientTiming } from './timing'

export interface TestStore extends OpenedStore, AsyncDisposable {
  /** Returns how many statements the engine receives while `work` runs. */
  countStatements(work: () => Promise<unknown>): Promise<number>
}

export interface SqliteTestStore extends TestStore {
  readonly path: string
  /** Runs SQL on the writer's handle, for states that only this handle can be in. */
  runOnWriter(text: string): Promise<unknown[]>
}

interface EngineOfStore {
  readonly engine: string
  /** Opens a store on a new database. */
  readonly open: () => Promise<TestStore>
}

/** Opens a store on a new SQLite file, with time that passes only by waiting. */
export async function openSqliteStore({
  monotonicClock,
  ...options
}: Pick<DatabaseHandles, 'onWriteChange'> & {
  monotonicClock?: MonotonicClock
} = {}): Promise<SqliteTestStore> {
  const folder = temporaryFolder()
  const timing = virtualTiming()
  const path = `${folder.path}/snailpass.db`
  emptySqliteFile ??= createEmptySqliteFile()
  writeFileSync(path, await emptySqliteFile, { mode: 0o600 })
  let statements = 0
  const count = () => statements++
  const reader = openReader(path)
  const single = openSingleReader(path)
  const writer = openWriter(path, 'serving')
  const store = createStore(
    {
      reader: counting(reader.dialect, count),
      single: counting(single.dialect, count),
      dataVersion: single.dataVersion,
      isInProcess: true,
      writer: counting(writer.dialect, count),
      async close() {
        reader.close()
        single.close()
        writer.close()
      },
      ...options,
    },
    { ...timing, ...(monotonicClock !== undefined && { monotonicClock }) },
  )
  return {
    ...store,
    path,
    runOnWriter: async (text) => {
      const db = new Kysely({ dialect: writer.dialect })
      return (await sql.raw(text).execute(db)).rows
    },
    async countStatements(work) {
      const before = statements
      await work()
      return statements - before
    },
    async [Symbol.asyncDispose]() {
      await store.close()
      folder[Symbol.dispose]()
    },
  }
}

let emptySqliteFile: Promise<Uint8Array> | null = null

/** Returns the bytes of a database with our tables and no rows. To create one takes ten times as long as to copy it. */
async function createEmptySqliteFile(): Promise<Uint8Array> {
  using folder = temporaryFolder()
  const { store } = await sqliteDatabaseIn(folder.path).openForServer({ create: true })
  await store.close()
  return readFileSync(`${folder.path}/snailpass.db`)
}

/** Returns a dialect that calls `count` for each statement, those that begin and end transactions included. */
function counting(dialect: Dialect, count: () => void): Dialect {
  return {
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createAdapter() {
      const adapter = dialect.createAdapter()
      const direct = directQueriesOf(adapter)
      if (direct === undefined) return adapter
      offerDirectQueries(adapter, {
        execute(query, parameters) {
          count()
          return direct.execute(query, parameters)
        },
        first(query, parameters) {
          count()
          return direct.first(query, parameters)
        },
      })
      return adapter
    },
    createDriver() {
      const driver = dialect.createDriver()
      return {
        init: () => driver.init(),
        destroy: () => driver.destroy(),
        async acquireConnection() {
          const connection = await driver.acquireConnection()
          return {
            executeQuery(query) {
              count()
              return connection.executeQuery(query)
            },
            streamQuery: (query) => connection.streamQuery(query),
          }
        },
        releaseConnection: (connection) => driver.releaseConnection(connection),
        beginTransaction(connection, settings) {
          count()
          return driver.beginTransaction(connection, settings)
        },
        commitTransaction(connection) {
          count()
          return driver.commitTransaction(connection)
        },
        rollbackTransaction: (connection) => driver.rollbackTransaction(connection),
      }
    },
  }
}

/** Creates a Postgres database with our tables and no rows. */
export function createMigratedPostgres(
  version: PostgresVersion = 'newest',
): Promise<PostgresDatabase> {
  return createPostgresDatabaseWithTables(version, async (url) => {
    const { store } = await postgresDatabaseAt(url).openForServer({ create: true })
    await store.close()
  })
}

/** Opens a store on a new Postgres database. */
export async function openPostgresStore(
  version?: PostgresVersion,
): Promise<TestStore & { readonly url: string }> {
  const database = await createMigratedPostgres(version)
  const { store } = await postgresDatabaseAt(database.url).openForServer({ create: false })
  return {
    ...store,
    url: database.url,
    async countStatements(work) {
      using spy = spyOn(Client.prototype, 'query')
      await work()
      return spy.mock.calls.length
    },
    async [Symbol.asyncDispose]() {
      await store.close()
      await database[Symbol.asyncDispose]()
    },
  }
}

/** For tests of what holds on both engines. */
export const storeEngines: readonly EngineOfStore[] = [
  { engine: 'SQLite', open: openSqliteStore },
  { engine: 'Postgres', open: () => openPostgresStore() },
]

/** For tests of SQL: with the oldest Postgres that we support as well. */
export const allStoreEngines: readonly EngineOfStore[] = [
  ...storeEngines,
  { engine: 'Postgres 10', open: () => openPostgresStore('oldest') },
]

/** Returns the SQLite database in a folder. */
export function sqliteDatabaseIn(
  folder: string,
  timing: Timing = virtualTiming(),
  migrations?: Parameters<typeof sqliteDatabase>[2],
): Database {
  return sqliteDatabase(resolveSqliteLocation(`${folder}/snailpass.db`, folder), timing, migrations)
}

/** Returns the Postgres database at a URL. */
export function postgresDatabaseAt(
  url: string,
  options: {
    databaseBackupDir?: string
    timing?: Timing
    migrations?: Parameters<typeof postgresDatabase>[2]
  } = {},
): Database {
  const address = parseDatabaseUrl(url)
  if (address.engine !== 'postgres') throw new Error('not a URL of Postgres')
  const { databaseBackupDir = '/nonexistent', timing = patientTiming(), migrations } = options
  const target = { address, name: nameOfLocation(address), databaseBackupDir }
  return postgresDatabase(target, timing, migrations)
}

/** Reads rows of a database without the code under test. */
export async function queryRows(url: string, text: string): Promise<Record<string, unknown>[]> {
  const location = parseDatabaseUrl(url)
  if (location.engine === 'postgres') return await queryPostgres(url, text)
  using file = new SqliteFile(location.path, { readonly: true })
  return file.query<Record<string, unknown>, []>(text).all()
}

/** Returns virtual time, which jumps to the end of the next wait as soon as the event loop has nothing else to do. */
export function virtualTiming(): Timing {
  let now = Date.now()
  let isScheduled = false
  const timers = new Set<{ due: number; fire: () => void }>()
  const schedule = () => {
    if (isScheduled || timers.size === 0) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      const [next] = [...timers].sort((a, b) => a.due - b.due)
      if (next !== undefined) {
        timers.delete(next)
        now = next.due
        next.fire()
      }
      schedule()
    })
  }
  return {
    clock: () => now,
    monotonicClock: () => now,
    wait: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const timer = { due: now + milliseconds, fire: resolve }
        timers.add(timer)
        signal?.addEventListener('abort', () => {
          timers.delete(timer)
          reject(signal.reason)
        })
        schedule()
      }),
  }
}

export function aUser(change: Partial<User> = {}): User {
  const id = crypto.randomUUID()
  return {
    id,
    email: `${id}@nas.local`,
    passwordHash: '$pbkdf2-sha512$i=1$AAAA$AAAA',
    hint: null,
    emailConfirmed: true,
    sessionEpoch: 'epoch',
    creationTime: 0,
    isDisabled: false,
    loginTime: null,
    deletionTime: null,
    ...change,
  }
}

/** Returns an account as it is found by its id after so many changes of its vault, in a store that no server has opened. */
export function withRevision(user: User, changes = 0): UserWithRevision {
  return { ...user, revision: user.creationTime + changes }
}

/** What a request of a signed-in client gets to know of a user whose vault was not changed. */
export function signedIn(user: User): SignedInUser {
  const { id, email, hint, sessionEpoch, isDisabled, creationTime: revision } = user
  return { id, email, hint, sessionEpoch, isDisabled, revision, vaultState: `${id}.${revision}` }
}

/** Opens the vault of an account in its present session. Throws if the account is unknown or disabled. */
export async function openVault(
  tx: WriteTransaction,
  owner: string,
  keeping: HistoryKeeping | null = null,
): Promise<WritableVault> {
  const user = await tx.users.findById(owner)
  const vault = user === null ? null : await tx.vaults.open(user, keeping)
  if (vault === null) throw new Error(`the vault of ${owner} can't be opened`)
  return vault
}
