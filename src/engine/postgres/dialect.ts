import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type Kysely,
  PostgresDialect as KyselyPostgresDialect,
  PostgresAdapter,
  type QueryResult,
  type TransactionSettings,
} from 'kysely'
import { type Client, DatabaseError } from 'pg'
import { ConnectionFault, postgresFault } from './faults'

/** Where connections come from and go back to. */
export interface Connections<C extends Client> {
  /** Whether statements are prepared: not where tables change under them. */
  readonly canPrepare: boolean
  acquire(): Promise<C>
  /** A broken one is not lent again. */
  release(client: C, isBroken: boolean): void
  /** Sends what is asked from here to the end of this turn of the event loop in one piece. */
  corkUntilNextTick(client: C): void
}

/**
 * Kysely's own dialect over connections of ours, with what its driver leaves open: a connection that failed
 * goes, a failed rollback does not hide why there was one, statements are prepared once for each connection,
 * and a snapshot costs no wait of its own.
 */
export class PostgresDialect<C extends Client> extends KyselyPostgresDialect {
  readonly #connections: Connections<C>

  constructor(connections: Connections<C>) {
    super({ pool: () => Promise.reject(new Error('the driver has connections of its own')) })
    this.#connections = connections
  }

  override createDriver(): Driver {
    return new PostgresDriver(this.#connections)
  }

  override createAdapter(): PostgresAdapter {
    return new NoMigrationLockAdapter()
  }
}

/** Kysely's migrator asks for a lock of its own; ours are taken before it, and by name. */
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

  /** Whoever opened the connections closes them. */
  destroy(): Promise<void> {
    return Promise.resolve()
  }
}

class PostgresConnection<C extends Client> implements DatabaseConnection {
  readonly client: C
  isBroken: boolean = false
  readonly #connections: Connections<C>
  #begun: Promise<void> = Promise.resolve()
  #isReading: boolean = false

  constructor(client: C, connections: Connections<C>) {
    this.client = client
    this.#connections = connections
  }

  async begin({ isolationLevel, accessMode }: TransactionSettings): Promise<void> {
    const isolation = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`
    const access = accessMode === undefined ? '' : ` ${accessMode}`
    this.#isReading = accessMode === 'read only'
    if (this.#isReading) this.#connections.corkUntilNextTick(this.client)
    this.#begun = this.#run(`start transaction${isolation}${access}`)
    // A snapshot's first query goes right behind, and waits for both. A write must not: should its begin
    // fail alone, it would be committed by itself.
    if (this.#isReading) this.#begun.catch(() => {})
    else await this.#begun
  }

  async commit(): Promise<void> {
    const committed = this.#run('commit')
    // What was read is known by now; whoever gets this connection next would meet its fault.
    if (this.#isReading) committed.catch(() => {})
    else await committed
  }

  async rollback(): Promise<void> {
    // What goes wrong here is told by the fault that led here; the server undoes what is left open.
    if (!this.isBroken) await this.#run('rollback').catch(() => {})
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const answer = this.#translateErrors(
      this.client.query({
        text: query.sql,
        values: [...query.parameters],
        ...(this.#connections.canPrepare && statementName(query.sql)),
      }),
    )
    const [{ command, rowCount, rows }] = await Promise.all([answer, this.#begun])
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

  /** Every fault that the server did not send is the connection's. Either kind can be its end. */
  async #translateErrors<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } catch (cause) {
      const error =
        cause instanceof DatabaseError
          ? cause
          : new ConnectionFault('the connection to the database failed', { cause })
      if (postgresFault(error) === 'unreachable') this.isBroken = true
      throw error
    }
  }
}

/** Texts that are prepared; those of a server are a small closed set. */
const maxPreparedStatements = 200
const statementNames = new Map<string, string>()

/** A name makes pg prepare a statement once for each connection. */
function statementName(text: string): { name: string } | undefined {
  let name = statementNames.get(text)
  if (name === undefined) {
    if (statementNames.size >= maxPreparedStatements) return undefined
    name = `s${statementNames.size}`
    statementNames.set(text, name)
  }
  return { name }
}
