import type { Dialect } from 'kysely'
import { type Client, type ClientBase, Pool, type PoolClient } from 'pg'
import { PostgresDialect } from './dialect'
import { ConnectionFault } from './faults'
import {
  clientClassFor,
  connectTimeout,
  corkUntilNextTick,
  createHostSelector,
  type PostgresAddress,
  withFailover,
} from './hosts'

/** Resolves after so many milliseconds, rejects when the signal ends the wait. */
type Wait = (milliseconds: number, signal: AbortSignal) => Promise<void>

/** Connections to one database. */
export interface PostgresHandle {
  readonly dialect: Dialect
  close(): Promise<void>
}

/**
 * Locks that a session holds for as long as it lives (pg_advisory_lock with two keys: "SNLP" and one of these).
 * `presence` is shared by every connection of every server, so whoever takes it alone knows that none is at
 * work; `migration` is taken by whoever changes the tables.
 */
const lockKeys = { presence: 1, migration: 2 } as const
const lockNamespace = 0x534e4c50

/** Milliseconds. All of them together stay within what a client waits for. */
const timeouts = { statement: 5_000, query: 7_000, lock: 4_000, idle: 15_000 }

/**
 * Connects as a server does, to as many connections as the address allows. Every connection holds the
 * presence lock, is to a server that takes writes, and has commits wait for the disk whatever that server's
 * own default. A host that fails is left for the next one.
 *
 * The driver is `pg`: of the three that were tried against crashes, restarts and terminated sessions, it alone
 * gives a stuck query up in time, and it leaves no dead connection in its pool. postgres.js let its queries
 * hang and threw outside of them after a restart; Bun's own SQL hung and lent dead connections out. One
 * statement behind another without a wait (`pipeline`) makes `pg` as quick as they are.
 */
export function connectPool(
  address: PostgresAddress,
  options: {
    readonly wait: Wait
    /** Asked on every new connection; throws where it is to another database than the first one was. */
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
    // At least one stays, and with it the presence lock.
    min: 1,
    connectionTimeoutMillis: connectTimeout,
    async onConnect(client) {
      if (!(client instanceof Connection)) throw new Error('a client of somebody else')
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
  // One that dies while nobody uses it is told twice; that it is gone is enough.
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

/** How often a server without a connection tries to have one again, in milliseconds. */
const reconnectInterval = 1_000

/** Without a connection a server would seem to be gone, and a command could take the tables from under it. */
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
      // Rejects when the pool is closed, which ends this too.
      await wait(reconnectInterval).catch(() => {})
    }
  }
}

/** One connection, for work that takes its time. Its locks end with it. */
export interface PostgresSession extends PostgresHandle {
  /** Takes a lock for itself; false when somebody else has it. */
  tryLock(lock: keyof typeof lockKeys): Promise<boolean>
  unlock(lock: keyof typeof lockKeys): Promise<void>
}

/** Connects once, to a host that takes writes. Throws ConnectionFault. */
export async function connectSession(address: PostgresAddress): Promise<PostgresSession> {
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
    // One that failed has ended by then.
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

/** The dialect on one connection, whose tables may change under it. */
function dialectOn(client: Client): Dialect {
  return new PostgresDialect({
    canPrepare: false,
    acquire: async () => client,
    release: () => {},
    corkUntilNextTick,
  })
}

/** By this a server is known to be at work, and nobody takes the tables from under it. */
async function acquirePresenceLock(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ present: boolean }>(
    'select pg_try_advisory_lock_shared($1, $2) as present',
    [lockNamespace, lockKeys.presence],
  )
  if (rows[0]?.present !== true) throw new ConnectionFault('a command has the database for itself')
}

/** Also sees that a commit is on the disk before it is acknowledged, which a server may be set not to do. */
async function requireWritable(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ read_only: boolean }>(
    `select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as read_only,
      set_config('synchronous_commit', case current_setting('synchronous_commit')
        when 'off' then 'on' else current_setting('synchronous_commit') end, false)`,
  )
  if (rows[0]?.read_only !== false) throw new ConnectionFault('this server takes no writes')
}
