import { rmSync } from 'node:fs'
import { type Kysely, Migrator, type RawBuilder, sql } from 'kysely'
import { DomainError } from '../domain/errors'
import type { Clock, Wait } from '../domain/runtime'
import type { EngineSql } from '../engine/engine-sql'
import { engineFault } from '../engine/faults'
import type { Migrations } from '../store/migrations/index'
import type { Schema } from '../store/schema'
import type { OpenedStore } from '../store/store'
import type { FreeSpaceLimit } from './space-watch'

/** The tables of a database of ours, lent to whoever may read all of them. */
export type SnapshotDb = Kysely<Schema>

/** What lies where a database is looked for. */
export type DatabaseContent = 'nothing' | 'ours' | 'original'

/** One database, wherever it lies and on whichever engine. */
export interface Database {
  /** How messages name it; never with a password. */
  readonly name: string

  /** Looks what is there and changes nothing. Throws `unavailable`, with what to do, for what cannot be used. */
  inspect(): Promise<DatabaseContent>

  /**
   * Names of the migrations that a server would run at its start. Changes nothing. Throws `unavailable`, with what to
   * do, for a database of a newer version and for what cannot be used.
   */
  listPendingMigrations(): Promise<readonly string[]>

  /** Makes faults of this database, in work that is not its own, refusals that say what to do; bugs stay bugs. */
  translateErrors<T>(work: () => Promise<T>): Promise<T>

  /**
   * Opens it for a server, makes what is missing (unless told not to) and brings it up to date. `waiting` is
   * called when it is not up yet or somebody else is at that. Throws `unavailable`, with what to do, for whatever else is there, and
   * `conflict` while a command has it. Where it lies on this machine, writes are refused before `space` is used up.
   */
  openForServer(options: {
    create: boolean
    onWaiting?: () => void
    freeSpaceLimit?: FreeSpaceLimit
  }): Promise<OpenedDatabase>

  /**
   * Lends it, up to date unless it is the original's, to work that needs it for itself. Throws `conflict` while a
   * server has it. With `create` it is made when it is missing.
   */
  withExclusive<T>(
    options: { create: boolean },
    work: (database: ExclusiveDatabase) => Promise<T>,
  ): Promise<T>

  /**
   * Lends it to a command that works as a server does, beside those that run. Throws `unavailable` unless it is
   * ours and up to date.
   */
  withShared<T>(work: (store: OpenedStore) => Promise<T>): Promise<T>

  /** Lends one state of it, whatever is written meanwhile. Throws `unavailable` unless it is ours and up to date. */
  withSnapshot<T>(work: (db: SnapshotDb) => Promise<T>): Promise<T>
}

export interface OpenedDatabase {
  readonly store: OpenedStore
  /** Whether there was nothing before. */
  readonly created: boolean
  /** Whether other servers can be at work on it at the same time. */
  readonly isShared: boolean
  /** Where the copy from before a migration lies, null when nothing was migrated or the engine undoes it by itself. */
  readonly backupPath: string | null
}

/** A database lent to one piece of work: a single connection. */
export interface ExclusiveDatabase {
  readonly db: Kysely<Schema>
  readonly content: DatabaseContent
  readonly engineSql: EngineSql
  /** All of the work or, when it throws or the process ends, none of it. */
  transaction<T>(work: () => Promise<T>): Promise<T>
  /** Makes our tables; inside a transaction, as a part of it. */
  migrate(): Promise<void>
  /**
   * Copies what users entrusted to us to a file of the data folder, and answers its path; null where the
   * engine alone undoes what fails. `before` says what is about to be done.
   */
  backUp(operation: string): Promise<string | null>
  /** Takes away everything that users entrusted to us; inside a transaction, as a part of it. */
  deleteAllData(): Promise<void>
}

export interface Timing {
  readonly clock: Clock
  readonly wait: Wait
}

/** All of the work on a single connection or none of it. By hand: Kysely's own transactions would not let the migrator in. */
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
    // A full disk or a lost connection has rolled back by itself; this must not hide the first fault.
    await sql`rollback`.execute(db).catch(() => {})
    throw error
  }
}

/** Runs what is pending, in the transaction that the caller has begun on this single connection. */
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

/** Which of the migrations are still to be run. Throws `unavailable` for a database of a newer version. */
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
      {
        hint: 'install that version or a later one; this one would damage it',
      },
    )
  }
  return Object.keys(migrations).filter((migration) => !done.includes(migration))
}

/** What an operator is told who points a server at the original server's database. */
export function notAdoptedError(name: string): DomainError {
  return new DomainError('unavailable', `${name} is a database of the original SnailPass server`, {
    hint: 'see what would become of it with `snailpass adopt --dry-run`, then run `snailpass adopt` once; its users keep their vaults and passwords',
  })
}

/** What an operator is told whose copy or command meets a database of an older version. */
export function outdatedDatabaseError(name: string): DomainError {
  return new DomainError('unavailable', `${name} belongs to an older snailpass`, {
    hint: 'start this version on it once: `snailpass serve` brings it up to date',
  })
}

/**
 * Does what a safety copy was taken for. Work that is refused was undone whole, and its copy goes: a service that
 * tries again and again must not fill the disk. After a fault of the engine it stays, for the disk may be failing.
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

/** A file name that tells what a copy is from before of, and when. */
export function databaseBackupName(operation: string, clock: Clock): string {
  const time = new Date(clock()).toISOString().replaceAll(/[-:.]/g, '')
  return `snailpass-before-${operation}-${time}.db`
}

/** Throws `unavailable` for a database of the original server's. */
export function requireAdopted({ content }: ExclusiveDatabase, { name }: Database): void {
  if (content !== 'ours') throw notAdoptedError(name)
}
