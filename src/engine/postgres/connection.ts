/** Postgres: connections with locks, timeouts, TLS and failover to a standby. */
import type { Dialect } from 'kysely'
import { type Client, type ClientBase, Pool, type PoolClient } from 'pg'
import { PostgresDialect } from './dialect'
import { ConnectionFault } from './faults'
import {
  clientClassFor,
  connectTimeout,
  corkUntilNextTick,
  createHostSelector,
  type PostgresTarget,
  withFailover,
} from './hosts'

/** Resolves after so many milliseconds. Rejects when the signal aborts. */
type Wait = (milliseconds: number, signal: AbortSignal) => Promise<void>

/** One or more connections to one database. */
export interface PostgresHandle {
  readonly dialect: Dialect
  close(): Promise<void>
}

/**
 * Advisory locks that a connection holds until it closes (pg_advisory_lock with two keys: "SNLP" and one of these).
 * Every connection of every server shares `presence`, so a command that gets it exclusively knows that no server is
 * running. A program that changes the tables holds `migration`.
 */
const lockKeys = { presence: 1, migration: 2 } as const
const lockNamespace = 0x534e4c50

/**
 * Milliseconds. Every query fails before its request has to be answered (7.5 s). `query` is the driver's own limit, for a
 * server that does not answer at all.
 */
const timeouts = { statement: 5_000, query: 7_000, lock: 4_000, idle: 15_000 }

/**
 * Opens the connection pool of a server. Every connection holds the presence lock, is to a host that accepts writes,
 * and commits only once the data is on disk, whatever the default of that host is. If a host fails, the next one is
 * used.
 *
 * The driver is `pg`: of the three that were tested with crashes, restarts and terminated connections, only `pg` times
 * out a stuck query and leaves no dead connection in its pool. postgres.js let queries hang and threw outside of them
 * after a restart; Bun's own SQL hung and handed out dead connections. `pipeline`, which sends a statement without
 * waiting for the answer to the one before, makes `pg` as fast as the other two.
 */
export function connectPool(
  address: PostgresTarget,
  options: {
    readonly wait: Wait
    /**
     * Called for every new connection. Throws if it is to another database than the one that the server was started on.
     */
    readonly verify: (dialect: Dialect) => Promise<void>
  },
): PostgresHandle {
  const { wait, verify } = options
  const hosts = createHostSelector(address)
  const Connection = clientClassFor(hosts, {
    pipeline: true,
    statement_timeout: timeouts.statement,
    lock_timeout: timeouts.lock,
    query_timeout: timeouts.query,
    idle_in_transaction_session_timeout: timeouts.idle,
  })
  const pool = new Pool({
    Client: Connection,
    max: address.poolSize,
    // At least one connection stays open and holds the presence lock.
    min: 1,
    connectionTimeoutMillis: connectTimeout,
    async onConnect(client) {
      if (!(client instanceof Connection)) throw new Error('not a client of this pool')
      try {
        await requireWritable(client)
      } catch (error) {
        hosts.failOver(client.endpoint)
        throw error
      }
      await acquirePresenceLock(client)
      await verify(dialectOn(client))
    },
  })
  const acquire = () => withFailover(hosts, () => pool.connect())
  // 'remove' handles an idle connection that fails. Without this listener its error would end the process.
  pool.on('error', () => {})
  const closing = new AbortController()
  let isReconnecting = false
  pool.on('remove', async () => {
    if (isReconnecting) return
    isReconnecting = true
    await keepConnected(pool, acquire, (ms) => wait(ms, closing.signal))
    isReconnecting = false
  })
  return {
    dialect: new PostgresDialect({
      canPrepare: true,
      acquire,
      release: (client: PoolClient, isBroken) => client.release(isBroken),
      corkUntilNextTick,
    }),
    async close() {
      closing.abort()
      await pool.end()
    },
  }
}

/** How often a server without a connection tries to open one, in milliseconds. */
const reconnectInterval = 1_000

/**
 * Reconnects until the pool has a connection. Without one nothing shows that the server is running, and a command could
 * replace its tables.
 */
async function keepConnected(
  pool: Pool,
  acquire: () => Promise<PoolClient>,
  wait: (milliseconds: number) => Promise<void>,
): Promise<void> {
  while (pool.totalCount === 0 && !pool.ending) {
    try {
      const client = await acquire()
      client.release()
    } catch {
      // Rejects when the pool is closed, which ends this loop as well.
      await wait(reconnectInterval).catch(() => {})
    }
  }
}

/**
 * A session of Postgres: one connection outside of a pool. Its statements may take any time, except to wait for a lock. Its
 * end releases its locks.
 */
export interface PostgresSession extends PostgresHandle {
  /** Takes a lock exclusively. Returns false if another connection holds it. */
  tryLock(lock: keyof typeof lockKeys): Promise<boolean>
  unlock(lock: keyof typeof lockKeys): Promise<void>
}

/** Opens one connection to a host that accepts writes. Throws ConnectionFault. */
export async function connectSession(address: PostgresTarget): Promise<PostgresSession> {
  const hosts = createHostSelector(address)
  const SessionClient = clientClassFor(hosts, { lock_timeout: timeouts.lock })
  const client = await withFailover(hosts, async () => {
    const session = new SessionClient()
    try {
      await session.connect()
      await requireWritable(session)
      return session
    } catch (error) {
      hosts.failOver(session.endpoint)
      await session.end().catch(() => {})
      throw error
    }
  })
  return {
    dialect: dialectOn(client),
    // A connection that failed is already closed.
    close: () => client.end().catch(() => {}),
    async tryLock(lock) {
      const { rows } = await client.query<{ taken: boolean }>(
        'select pg_try_advisory_lock($1, $2) as taken',
        [lockNamespace, lockKeys[lock]],
      )
      return rows[0]?.taken === true
    },
    async unlock(lock) {
      await client.query('select pg_advisory_unlock($1, $2)', [lockNamespace, lockKeys[lock]])
    },
  }
}

/** Returns a dialect on one connection. It prepares no statements: the tables may change between them. */
function dialectOn(client: Client): Dialect {
  return new PostgresDialect({
    canPrepare: false,
    acquire: async () => client,
    release: () => {},
    corkUntilNextTick,
  })
}

/**
 * Shows all other programs that a server is running. Throws ConnectionFault while a command uses the database
 * exclusively.
 */
async function acquirePresenceLock(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ present: boolean }>(
    'select pg_try_advisory_lock_shared($1, $2) as present',
    [lockNamespace, lockKeys.presence],
  )
  if (rows[0]?.present !== true)
    throw new ConnectionFault('a command is using the database exclusively')
}

/**
 * Throws ConnectionFault if the host accepts no writes. Also makes commits wait for the disk, which the host may be
 * configured not to do.
 */
async function requireWritable(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ read_only: boolean }>(
    `select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as read_only,
      set_config('synchronous_commit', case current_setting('synchronous_commit')
        when 'off' then 'on' else current_setting('synchronous_commit') end, false)`,
  )
  if (rows[0]?.read_only !== false) throw new ConnectionFault('this server does not accept writes')
}
