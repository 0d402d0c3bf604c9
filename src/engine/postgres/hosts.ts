import type { ConnectionOptions } from 'node:tls'
import { Client, type ClientConfig, types } from 'pg'
import { ConnectionFault } from './faults'
import { type PostgresTls, speaksTls, tlsOptions } from './tls'

/**
 * How a Postgres server is reached. Where it names several hosts, the one that takes writes is the database:
 * the others are its standbys.
 */
export interface PostgresAddress {
  readonly hosts: readonly [PostgresHost, ...PostgresHost[]]
  readonly user: string
  readonly password: { reveal(): string } | null
  readonly database: string
  readonly tls: PostgresTls
  /** Most connections that a server opens. */
  readonly poolSize: number
  /** Command line options for the server process, like `-c search_path=snailpass`. */
  readonly options: string | null
}

export interface PostgresHost {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
}

/** How long a host may take to let us in, in milliseconds. */
export const connectTimeout = 3_000

/** A host, and how it is spoken to. */
interface PostgresEndpoint {
  readonly host: string
  readonly port: number
  /** Null: whether it speaks TLS is not known yet. */
  ssl: ConnectionOptions | false | null
}

/** The hosts of an address, and the one that is believed to be right. */
export interface HostSelector {
  readonly address: PostgresAddress
  readonly hostCount: number
  readonly current: PostgresEndpoint
  /** Finds out how the current host is spoken to. */
  detectTls(): Promise<void>
  /** Goes on to the next host, unless somebody else has left this one already. */
  failOver(endpoint: PostgresEndpoint): void
}

export function createHostSelector(address: PostgresAddress): HostSelector {
  const tls = tlsOptions(address.tls)
  const needsTlsProbe = (host: string) => address.tls.mode === 'prefer' && !host.startsWith('/')
  const endpoints = address.hosts.map(
    ({ host, port }): PostgresEndpoint => ({
      host,
      port,
      // A Unix socket has no TLS.
      ssl: needsTlsProbe(host) ? null : host.startsWith('/') ? false : tls,
    }),
  )
  let index = 0
  const currentEndpoint = (): PostgresEndpoint => {
    const endpoint = endpoints[index]
    if (endpoint === undefined) throw new Error('an address has a host at least')
    return endpoint
  }
  return {
    address,
    hostCount: endpoints.length,
    get current() {
      return currentEndpoint()
    },
    async detectTls() {
      const endpoint = currentEndpoint()
      if (endpoint.ssl !== null) return
      try {
        endpoint.ssl = (await speaksTls(endpoint, connectTimeout)) ? tls : false
      } catch (error) {
        this.failOver(endpoint)
        throw error
      }
    },
    failOver(endpoint) {
      // What comes up there next may speak it when this one did not.
      if (needsTlsProbe(endpoint.host)) endpoint.ssl = null
      if (endpoint === currentEndpoint()) index = (index + 1) % endpoints.length
    },
  }
}

/** Clients that connect to where the route points when they are made, and leave that host when they can't. */
export function clientClassFor(
  hosts: HostSelector,
  settings: ClientConfig & { pipeline?: boolean },
) {
  const { user, password, database, options } = hosts.address
  return class extends Client {
    readonly endpoint: PostgresEndpoint

    constructor() {
      const endpoint = hosts.current
      super({
        ...settings,
        host: endpoint.host,
        port: endpoint.port,
        ssl: endpoint.ssl ?? false,
        user,
        database,
        // Without one, pg looks where libpq does: PGPASSWORD and ~/.pgpass.
        ...(password !== null && { password: password.reveal() }),
        ...(options !== null && { options }),
        application_name: 'snailpass',
        connectionTimeoutMillis: connectTimeout,
        keepAlive: true,
        keepAliveInitialDelayMillis: 10_000,
        types: { getTypeParser },
      })
      this.endpoint = endpoint
      // Faults come back from the queries that meet them; nobody listens for this one.
      this.on('error', () => {})
    }

    override connect(): Promise<Client>
    override connect(callback: ConnectCallback): void
    override connect(callback?: ConnectCallback): Promise<Client> | undefined {
      const connecting = super.connect().catch((error) => {
        hosts.failOver(this.endpoint)
        throw error
      })
      if (callback === undefined) return connecting
      const done = callback as (error: Error | null, client?: Client) => void
      connecting.then(() => done(null, this), done)
      return undefined
    }
  }
}

/** pg's own type of what is called back. */
type ConnectCallback = ((error: Error) => void) | ((error: null, client: Client) => void)

/** Has a client send what it is asked from here to the end of this turn of the event loop in one piece. */
export function corkUntilNextTick({ connection }: Client): void {
  connection.stream.cork()
  process.nextTick(() => connection.stream.uncork())
}

const int8Oid = 20

/** bigint holds our times and row numbers, which are safe integers; pg would make them strings. */
const getTypeParser: typeof types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === int8Oid ? Number : types.getTypeParser(oid, format)

/**
 * Tries each host once, beginning with the one that served last. What all refuse is a ConnectionFault, and so is
 * that there was no free connection in time, for which no host is left.
 */
export async function withFailover<T>(hosts: HostSelector, connect: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const endpoint = hosts.current
    try {
      await hosts.detectTls()
      return await connect()
    } catch (cause) {
      if (hosts.current !== endpoint && tries < hosts.hostCount) continue
      throw new ConnectionFault('no server of this database can be used at present', { cause })
    }
  }
}
