import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type Kysely,
  PostgresDialect as KyselyPostgresDialect,
  PostgresAdapter,
  type QueryResult,
  SelectQueryNode,
  type TransactionSettings,
} from 'kysely'
import { type Client, DatabaseError } from 'pg'
import { ConnectionFault, postgresFault } from './faults'

/** Where the dialect gets connections from, and returns them to. */
export interface Connections<C extends Client> {
  /** Whether statements are prepared. Must be false if the tables may change. */
  readonly canPrepare: boolean
  acquire(): Promise<C>
  /** Returns a connection. A broken one is closed and not used again. */
  release(client: C, isBroken: boolean): void
  /** Sends all queries until the next turn of the event loop in one packet. */
  corkUntilNextTick(client: C): void
}

/**
 * Kysely's own dialect with another driver:
 * - A connection that failed is closed.
 * - A failed rollback does not hide the error that caused it.
 * - Statements are prepared once per connection.
 * - Beginning a transaction takes no round trip of its own if its first query reads; ending a read transaction takes none.
 */
export class PostgresDialect<C extends Client> extends KyselyPostgresDialect {
  readonly #connections: Connections<C>

  constructor(connections: Connections<C>) {
    super({ pool: () => Promise.reject(new Error('this driver does not use a pool of Kysely')) })
    this.#connections = connections
  }

  override createDriver(): Driver {
    return new PostgresDriver(this.#connections)
  }

  override createAdapter(): PostgresAdapter {
    return new NoMigrationLockAdapter()
  }
}

/** Kysely's migrator takes a lock of its own. It is not needed: our migration lock is taken before. */
class NoMigrationLockAdapter extends PostgresAdapter {
  override acquireMigrationLock(_db: Kysely<unknown>): Promise<void> {
    return Promise.resolve()
  }
}

class PostgresDriver<C extends Client> implements Driver {
  readonly #connections: Connections<C>

  constructor(connections: Connections<C>) {
    this.#connections = connections
  }

  init(): Promise<void> {
    return Promise.resolve()
  }

  async acquireConnection(): Promise<PostgresConnection<C>> {
    return new PostgresConnection(await this.#connections.acquire(), this.#connections)
  }

  async releaseConnection({ client, isBroken }: PostgresConnection<C>): Promise<void> {
    this.#connections.release(client, isBroken)
  }

  beginTransaction(
    connection: PostgresConnection<C>,
    settings: TransactionSettings,
  ): Promise<void> {
    return connection.begin(settings)
  }

  commitTransaction(connection: PostgresConnection<C>): Promise<void> {
    return connection.commit()
  }

  rollbackTransaction(connection: PostgresConnection<C>): Promise<void> {
    return connection.rollback()
  }

  /** The code that opened the connections closes them. */
  destroy(): Promise<void> {
    return Promise.resolve()
  }
}

class PostgresConnection<C extends Client> implements DatabaseConnection {
  readonly client: C
  isBroken: boolean = false
  readonly #connections: Connections<C>
  /** Settles when the server has begun the transaction. */
  #start: Promise<void> = Promise.resolve()
  #isReadOnly: boolean = false

  constructor(client: C, connections: Connections<C>) {
    this.client = client
    this.#connections = connections
  }

  /**
   * Sends the start of a transaction together with its first query, if that only reads, instead of waiting for a round trip
   * of its own. A query that writes waits: if only the start failed, the write would be committed on its own.
   */
  async begin({ isolationLevel, accessMode }: TransactionSettings): Promise<void> {
    const isolation = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`
    const access = accessMode === undefined ? '' : ` ${accessMode}`
    this.#isReadOnly = accessMode === 'read only'
    firstErrors.delete(this.client)
    this.#connections.corkUntilNextTick(this.client)
    this.#start = this.#run(`start transaction${isolation}${access}`)
    // The first query, or the commit, throws its error.
    this.#start.catch(() => {})
  }

  async commit(): Promise<void> {
    if (!this.#isReadOnly) {
      await this.#start
      return await this.#run('commit')
    }
    // All rows of a read transaction have arrived. If its commit fails, the next query on this connection fails as
    // well.
    this.#run('commit').catch(() => {})
  }

  async rollback(): Promise<void> {
    // The error that led here is the one to report. The server rolls back an open transaction when the connection
    // closes.
    if (!this.isBroken) await this.#run('rollback').catch(() => {})
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    if (!SelectQueryNode.is(query.query)) await this.#start
    const answer = this.#translateErrors(
      this.client.query({
        text: query.sql,
        values: [...query.parameters],
        ...(this.#connections.canPrepare && statementName(query.sql)),
      }),
    )
    const [{ command, rowCount, rows }] = await Promise.all([answer, this.#start])
    const isChange = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE'
    if (isChange) return { rows, numAffectedRows: BigInt(rowCount ?? 0) }
    return { rows }
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface asks for a generator.
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('streaming is not used on Postgres')
  }

  async #run(text: string): Promise<void> {
    await this.#translateErrors(this.client.query(text))
  }

  /**
   * Throws ConnectionFault in place of every error that the server did not send. Marks the connection as broken if the
   * error makes it unusable.
   */
  async #translateErrors<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } catch (cause) {
      const error =
        cause instanceof DatabaseError
          ? firstErrorOf(this.client, cause)
          : new ConnectionFault('the connection to the database failed', { cause })
      if (postgresFault(error) === 'unreachable') this.isBroken = true
      throw error
    }
  }
}

/** How many SQL texts are prepared. A server uses a small fixed set. */
const maxPreparedStatements = 200
const statementNames = new Map<string, string>()

/**
 * Returns a name for a statement, which makes pg prepare it once per connection. Undefined if it is not to be prepared.
 */
function statementName(text: string): { name: string } | undefined {
  let name = statementNames.get(text)
  if (name === undefined) {
    if (statementNames.size >= maxPreparedStatements) return undefined
    name = `s${statementNames.size}`
    statementNames.set(text, name)
  }
  return { name }
}

/** The last error of each connection that was not a consequence of an earlier one. */
const firstErrors = new WeakMap<Client, DatabaseError>()

/**
 * Returns the error to report. After an error, Postgres refuses every statement of a transaction because it "is aborted": the
 * error that comes first is the reason.
 */
function firstErrorOf(client: Client, error: DatabaseError): DatabaseError {
  if (error.code === '25P02') return firstErrors.get(client) ?? error
  firstErrors.set(client, error)
  return error
}
