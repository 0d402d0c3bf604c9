import type { Database, SQLQueryBindings, Statement } from 'bun:sqlite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
} from 'kysely'
import { BunSqliteDialect } from 'kysely-bun-sqlite'
import { type DirectQueries, offerDirectQueries } from '../direct-queries'

/** How transactions of a handle begin: `immediate` takes the write lock at once, `deferred` reads a snapshot. */
export type TransactionMode = 'deferred' | 'immediate'

/**
 * kysely-bun-sqlite with three additions:
 * - The mode in which transactions begin. Those of kysely-bun-sqlite are always deferred, and fail beside a second
 *   writer whatever the busy timeout is.
 * - Prepared statements are cached.
 * - Kysely learns that SQLite can roll back DDL; otherwise a failed migration would leave tables behind.
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

/** A dialect for queries without transactions, which need not take turns. */
export class SingleQueryDialect extends SqliteDialect {
  readonly #queries: DirectQueries

  constructor(database: Database) {
    super(database, 'deferred')
    const statements = new StatementCache(database)
    this.#queries = {
      execute: <Row>({ sql }: CompiledQuery<Row>, parameters: readonly unknown[]) =>
        statements.execute<Row>(sql, parameters).rows,
      first: <Row>({ sql }: CompiledQuery<Row>, parameters: readonly unknown[]) =>
        statements.first<Row>(sql, parameters),
    }
  }

  override createAdapter(): SqliteAdapter {
    const adapter = super.createAdapter()
    offerDirectQueries(adapter, this.#queries)
    return adapter
  }
}

class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }

  /** Not needed: the lock on the data folder and `begin immediate` already exclude other migrations. */
  override acquireMigrationLock(_db: Kysely<unknown>): Promise<void> {
    return Promise.resolve()
  }
}

/**
 * One handle that transactions use in turn: bun:sqlite is synchronous, but a transaction awaits other things between
 * its queries, and no other transaction must run queries in between.
 */
class SqliteDriver implements Driver {
  readonly #database: Database
  readonly #begin: string
  readonly #connection: DatabaseConnection
  #queue: Promise<void> = Promise.resolve()
  #startNext: () => void = () => {}

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
    this.#startNext = resolve
    return this.#connection
  }

  releaseConnection(): Promise<void> {
    this.#startNext()
    return Promise.resolve()
  }

  async beginTransaction(): Promise<void> {
    this.#database.query(this.#begin).run()
  }

  async commitTransaction(): Promise<void> {
    this.#database.query('commit').run()
  }

  async rollbackTransaction(): Promise<void> {
    // After a full disk SQLite has already rolled back; a second rollback would fail and hide the first error.
    if (this.#database.inTransaction) this.#database.run('rollback')
  }

  /** Kysely calls this only on a driver that was used, so the code that opened the handle closes it. */
  destroy(): Promise<void> {
    return Promise.resolve()
  }
}

/** The prepared statements of a handle. The set of our SQL texts is small and fixed, so there are few. */
class StatementCache {
  readonly #database: Database
  readonly #known: Map<string, { statement: Statement; hasRows: boolean }> = new Map()

  constructor(database: Database) {
    this.#database = database
  }

  execute<Row>(text: string, parameters: readonly unknown[]): QueryResult<Row> {
    const { statement, hasRows } = this.#prepare(text)
    const bindings = parameters as SQLQueryBindings[]
    if (hasRows) return { rows: statement.all(...bindings) as Row[] }
    const { changes } = statement.run(...bindings)
    return { rows: [], numAffectedRows: BigInt(changes) }
  }

  /** Returns the first row of a query that has rows, without reading others. */
  first<Row>(text: string, parameters: readonly unknown[]): Row | null {
    return this.#prepare(text).statement.get(...(parameters as SQLQueryBindings[])) as Row | null
  }

  #prepare(text: string): { statement: Statement; hasRows: boolean } {
    let known = this.#known.get(text)
    if (known === undefined) {
      const statement = this.#database.query(text)
      // Asking is expensive.
      known = { statement, hasRows: statement.columnNames.length > 0 }
      this.#known.set(text, known)
    }
    return known
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #statements: StatementCache

  constructor(database: Database) {
    this.#statements = new StatementCache(database)
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    return this.#statements.execute<Row>(query.sql, query.parameters)
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface asks for a generator.
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('streaming is not used on SQLite')
  }
}
