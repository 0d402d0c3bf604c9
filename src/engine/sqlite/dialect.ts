import type { Database, SQLQueryBindings } from 'bun:sqlite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
} from 'kysely'
import { BunSqliteDialect } from 'kysely-bun-sqlite'

/** How a transaction of this handle begins: a writer takes the write lock at once, a reader takes a snapshot. */
export type TransactionMode = 'deferred' | 'immediate'

/**
 * kysely-bun-sqlite with what it leaves open: the mode in which transactions begin (its own is always
 * deferred, which fails under a second writer whatever the busy timeout), prepared statements that are
 * kept, and the knowledge that SQLite can roll back DDL, without which a failed migration leaves tables.
 */
export class SqliteDialect extends BunSqliteDialect {
  readonly #database: Database
  readonly #mode: TransactionMode

  constructor(database: Database, mode: TransactionMode) {
    super({ database })
    this.#database = database
    this.#mode = mode
  }

  override createDriver(): Driver {
    return new SqliteDriver(this.#database, this.#mode)
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalDdlAdapter()
  }
}

class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }

  /** Kysely's migrator asks for a lock here; the server's lock and `begin immediate` already are one. */
  override acquireMigrationLock(_db: Kysely<unknown>): Promise<void> {
    return Promise.resolve()
  }
}

/** One handle, lent to one scope at a time: bun:sqlite is synchronous, but scopes await between queries. */
class SqliteDriver implements Driver {
  readonly #database: Database
  readonly #begin: string
  readonly #connection: DatabaseConnection
  #queue: Promise<void> = Promise.resolve()
  #releaseTurn: () => void = () => {}

  constructor(database: Database, mode: TransactionMode) {
    this.#database = database
    this.#begin = `begin ${mode}`
    this.#connection = new SqliteConnection(database)
  }

  init(): Promise<void> {
    return Promise.resolve()
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const previous = this.#queue
    this.#queue = promise
    await previous
    this.#releaseTurn = resolve
    return this.#connection
  }

  releaseConnection(): Promise<void> {
    this.#releaseTurn()
    return Promise.resolve()
  }

  async beginTransaction(): Promise<void> {
    this.#database.query(this.#begin).run()
  }

  async commitTransaction(): Promise<void> {
    this.#database.query('commit').run()
  }

  async rollbackTransaction(): Promise<void> {
    // A full disk has rolled back by itself; a second rollback would hide the first fault.
    if (this.#database.inTransaction) this.#database.run('rollback')
  }

  /** Kysely asks for this only of a driver that was used, so whoever opened the handle closes it. */
  destroy(): Promise<void> {
    return Promise.resolve()
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    // `query` keeps the prepared statement. Our SQL texts are a small closed set, so the cache is one too.
    const statement = this.#database.query<Row, SQLQueryBindings[]>(query.sql)
    const parameters = query.parameters as SQLQueryBindings[]
    if (statement.columnNames.length > 0) return { rows: statement.all(...parameters) }
    const { changes } = statement.run(...parameters)
    return { rows: [], numAffectedRows: BigInt(changes) }
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface asks for a generator.
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('streaming is not used on SQLite')
  }
}
