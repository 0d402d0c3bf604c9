/**
 * `src/database` works on a database as a whole: it finds, locks, opens, migrates, adopts, copies and checks it. The `Database`
 * interface below describes what every engine can do; `sqlite-database` and `postgres-database` implement it with the same
 * functions in the same order. The steps that both share are here.
 */
import { rmSync } from 'node:fs'
import { type Kysely, Migrator, type RawBuilder, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import type { Clock, MonotonicClock, Wait } from '../domain/runtime'
import type { EngineSql } from '../engine/engine-sql'
import { engineFault } from '../engine/faults'
import type { Migrations } from '../store/migrations/index'
import type { Schema } from '../store/schema'
import type { OpenedStore } from '../store/store'
import { missingDatabaseError } from './lost-database'
import type { FreeSpaceLimit } from './space-watch'

/** Our tables, for work that may read all of them. */
export type SnapshotDb = Kysely<Schema>

/** What a database contains: nothing of SnailPass, our tables, or those of the original server. */
export type DatabaseContent = 'nothing' | 'ours' | 'original'

/** One database on any engine. */
export interface Database {
  /** How messages name it; never contains a password. */
  readonly name: string

  /**
   * Runs work of the caller on this database. Errors of the engine and of the system in it become DomainErrors with a hint;
   * other errors pass unchanged.
   */
  translateErrors<T>(work: () => Promise<T>): Promise<T>

  /**
   * Returns what the database contains, and changes nothing. Throws `unavailable` if it can't be used or belongs to another
   * program.
   */
  inspect(): Promise<DatabaseContent>

  /**
   * Returns the names of the migrations that a server would run at its start, and changes nothing. Throws `unavailable` if
   * the database belongs to a newer version or can't be used.
   */
  listPendingMigrations(): Promise<readonly string[]>

  /**
   * Opens the database for a server and migrates it. Throws `unavailable` if the database can't be used or is not ours,
   * `conflict` while another process uses it exclusively.
   */
  openForServer(options: ServerOpenOptions): Promise<OpenedDatabase>

  /**
   * Runs work while no other process uses the database. The database is migrated first unless it belongs to the original
   * server. Throws `conflict` while another process uses it, `unavailable` if it can't be used.
   *
   * With `create`, a missing one is created together with what the work does: it exists once the work is complete, and not at
   * all if the work throws or the process ends. With `onSetAside`, that also replaces one that is damaged or empty; the paths
   * of the old files, which are moved aside, are passed to it.
   */
  withExclusive<T>(
    options: ExclusiveOptions,
    work: (database: ExclusiveDatabase) => Promise<T>,
  ): Promise<T>

  /**
   * Runs work of a command that reads and writes as a server does, while servers run. Throws `unavailable` unless the
   * database is ours and up to date.
   */
  withShared<T>(work: (store: OpenedStore) => Promise<T>): Promise<T>

  /**
   * Runs work on a snapshot of the database, while servers run. Throws `unavailable` unless the database is ours and up to
   * date.
   */
  withSnapshot<T>(work: (db: SnapshotDb) => Promise<T>): Promise<T>

  /**
   * Returns what the database contains beside our tables, in words: other tables, plain indexes and the like. What can change,
   * refuse or hide rows is not among them, because a database that has it is not opened.
   */
  listForeignObjects(): Promise<readonly string[]>

  /**
   * Returns the engine with its version: `SQLite 3.51.0`, `Postgres 17.2`. That of SQLite is in this executable, so it is known
   * without the file. Throws `unavailable` if Postgres can't be reached.
   */
  findEngineVersion(): Promise<string>
}

export interface ServerOpenOptions {
  /** Whether to create a SQLite file or tables of Postgres that are missing. */
  readonly create: boolean
  /** Called if Postgres does not answer yet, and if another process migrates the database or uses it exclusively. */
  readonly onWaiting?: () => void
  /**
   * Called before the tables of an older version are changed, while nobody else can change them. If it throws, they stay as they
   * are.
   */
  readonly beforeMigration?: (() => Promise<void>) | undefined
  /** Called with the address of a server of Postgres that got the password in clear or by MD5 over a private network. */
  readonly onWeakLogin?: (address: string) => void
  /** Called with why writes began to fail, and with null when they succeed again. */
  readonly onWriteChange?: (reason: Error | null) => void
  /**
   * From how many bytes a SQLite file is checked beside the server, if the last one ended cleanly (see `pendingCheck`). Without it,
   * every file is checked before this returns.
   */
  readonly checkBesideFrom?: number
  /** Below it, writes are refused. Only for a database on this machine. */
  readonly freeSpaceLimit?: FreeSpaceLimit
}

export interface ExclusiveOptions {
  readonly create: boolean
  readonly onSetAside?: (paths: readonly string[]) => void
}

export interface OpenedDatabase {
  readonly store: OpenedStore
  /** Whether opening created the database. */
  readonly created: boolean
  /** Whether other servers can use it at the same time. */
  readonly isShared: boolean
  /**
   * To be called every second while a server runs. Throws `unavailable`, with what to do, while the files of the database are
   * lost. Null on Postgres.
   */
  readonly upkeep: (() => Promise<void>) | null
  /** Null if the database was checked, and on Postgres. */
  readonly pendingCheck: PendingCheck | null
  /** Path of the backup from before the migration. Null if nothing was migrated, and on Postgres, which rolls back failures. */
  readonly backupPath: string | null
}

/** The check of a whole database, which the caller has to do: `inspect` in another process. */
export interface PendingCheck {
  /** To be called once it has found nothing. Otherwise the next server checks the database before it answers. */
  passed(): void
}

/** A database that nothing else uses, on a single connection. */
export interface ExclusiveDatabase {
  /** That of the database. */
  readonly name: string
  readonly db: Kysely<Schema>
  readonly content: DatabaseContent
  /** Why the database is lost that this new one replaces; null if there was none, or it is not new. */
  readonly lost: string | null
  readonly engineSql: EngineSql
  /** Commits all of the work, or nothing of it if it throws or the process ends. */
  transaction<T>(work: () => Promise<T>): Promise<T>
  /** Returns the names that `migrate` needs for tables and indexes. */
  listNeededNames(): Promise<ReadonlySet<string>>
  /**
   * Creates our tables, or runs the pending migrations. Within `transaction`, this is a part of it. Throws `unavailable` if
   * the tables are not what the migrations create: something in the database may have changed them at once.
   */
  migrate(): Promise<void>
  /**
   * Backs the database up to a file of the data folder and returns the path. Null for a new one, and on Postgres unless the
   * content is ours: a failed adoption is rolled back. `operation` is what is about to be done; the file name contains it.
   */
  backUp(operation: string): Promise<string | null>
  /**
   * Drops our tables with everything in them. `migrate` creates them again, so that nothing remains of what was done to the old
   * ones. Within `transaction`, this is a part of it. Throws `unavailable` if another object has a name that is needed then.
   */
  deleteAllData(): Promise<void>
}

/** The result of inspecting a database. */
export interface InspectedDatabase {
  readonly content: DatabaseContent
  /** Names of the migrations that have run, in their order. */
  readonly migrations: readonly string[]
}

export interface Timing {
  readonly clock: Clock
  readonly monotonicClock: MonotonicClock
  readonly wait: Wait
}

/** What the functions of an engine need to know of one database. */
export interface DatabaseTarget<Location> {
  readonly location: Location
  readonly timing: Timing
  readonly migrations: Migrations
}

/**
 * Commits all of the work on a single connection, or nothing of it. Kysely's own transactions can't be used: the migrator
 * does not run within them.
 */
export async function inTransaction<T>(
  db: Kysely<Schema>,
  begin: RawBuilder<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  await begin.execute(db)
  try {
    const result = await work()
    await sql`commit`.execute(db)
    return result
  } catch (error) {
    // After a full disk or a lost connection there is nothing left to roll back; that must not hide the first error.
    await sql`rollback`.execute(db).catch(() => {})
    throw error
  }
}

/** Runs the pending migrations in the transaction that the caller has begun on this single connection. */
export async function migrateInTransaction(
  db: Kysely<Schema>,
  migrations: Migrations,
  migrationTableSchema?: string,
): Promise<void> {
  const provider = { getMigrations: () => Promise.resolve({ ...migrations }) }
  const migrator = new Migrator({
    db,
    provider,
    disableTransactions: true,
    ...(migrationTableSchema !== undefined && { migrationTableSchema }),
  })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}

/** Returns the migrations that are not in `done`. Throws `unavailable` for a database of a newer version. */
export function filterPendingMigrations(
  name: string,
  migrations: Migrations,
  done: readonly string[],
): readonly string[] {
  const newer = done.find((known) => !(known in migrations))
  if (newer !== undefined) {
    throw new DomainError(
      'unavailable',
      `${name} belongs to a newer snailpass (it knows ${newer})`,
      { hint: 'install that version or a later one; this version would damage the database' },
    )
  }
  return Object.keys(migrations).filter((migration) => !done.includes(migration))
}

/** Throws `unavailable` unless the database is ours and up to date. Does not look at the structure of its tables. */
export function requireUpToDate(
  name: string,
  migrations: Migrations,
  { content, migrations: done }: InspectedDatabase,
): void {
  if (content === 'nothing') throw missingDatabaseError(name)
  if (content === 'original') throw notAdoptedError(name)
  if (filterPendingMigrations(name, migrations, done).length > 0) {
    throw new DomainError('unavailable', `${name} belongs to an older snailpass`, {
      hint: 'run `snailpass serve` of this version once; it migrates the database',
    })
  }
}

/** Throws `unavailable` for a database of the original server. */
export function requireAdopted(
  { content }: Pick<InspectedDatabase, 'content'>,
  { name }: Pick<Database, 'name'>,
): void {
  if (content !== 'ours') throw notAdoptedError(name)
}

function notAdoptedError(name: string): DomainError {
  return new DomainError('unavailable', `${name} is a database of the original SnailPass server`, {
    hint: 'preview the migration with `snailpass adopt --dry-run`, then run `snailpass adopt` once; its users keep their vaults and passwords',
  })
}

/** Runs work on an open store and closes the store afterwards. */
export async function withStore<T>(
  store: OpenedStore,
  work: (store: OpenedStore) => Promise<T>,
): Promise<T> {
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

/**
 * Runs the work that the backup `copy` was taken for; null for no backup. If the work is refused, it has changed nothing and
 * the backup is removed: a service that retries again and again must not fill the disk. After an error of the engine the
 * backup stays, because the disk may be failing.
 */
export async function removeCopyIfRefused<T>(
  copy: string | null,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (copy !== null && engineFault(error) === null) rmSync(copy, { force: true })
    throw error
  }
}

/** Returns the file name of a backup, with what is about to be done and the time: `snailpass-before-adoption-TIME.db`. */
export function databaseBackupName(operation: string, clock: Clock): string {
  return `snailpass-before-${operation}-${formatFileTime(clock())}.db`
}

/** Formats a time, in milliseconds since 1970 (UTC), for a file name. */
export function formatFileTime(time: number): string {
  return new Date(time).toISOString().replaceAll(/[-:.]/g, '')
}
