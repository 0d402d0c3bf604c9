import type { ConnectionOptions } from 'node:tls'
import { Client, type ClientConfig, types } from 'pg'
import { ConnectionFault } from './faults'
import { isServerVerified, type PostgresTls, supportsTls, tlsOptions } from './tls'
import { refuseWeakLogins, type WeakLoginPolicy } from './weak-logins'

/** Where a Postgres database is. Of several hosts, the one that accepts writes is used; the others are its standbys. */
export interface PostgresAddress {
  readonly hosts: readonly [PostgresHost, ...PostgresHost[]]
  readonly user: string
  readonly password: { reveal(): string } | null
  readonly database: string
  readonly tls: PostgresTls
  /** How many connections a server opens at most. */
  readonly poolSize: number
  /** Command line options for the server process, like `-c search_path=snailpass`. */
  readonly options: string | null
}

export interface PostgresHost {
  /** A host name, an IP address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
}

/** An address, and how connections to it protect the password. */
export interface PostgresTarget extends PostgresAddress {
  /** By default, weak logins are refused wherever the server is. */
  readonly weakLogins?: WeakLoginPolicy
  /** Runs what connects, and reads ~/.pgpass, as the user for whom that is. */
  readonly connectAs?: <T>(work: () => Promise<T>) => Promise<T>
}

/** How long connecting to a host may take, in milliseconds. */
export const connectTimeout = 3_000

/** A host, and whether connections to it use TLS. */
interface PostgresEndpoint {
  readonly host: string
  readonly port: number
  /** TLS options, or false for none. Null while it is not known whether the host supports TLS. */
  ssl: ConnectionOptions | false | null
}

/** The hosts of an address, and the one that new connections use. */
export interface HostSelector {
  readonly address: PostgresTarget
  readonly hostCount: number
  readonly current: PostgresEndpoint
  /** Finds out whether the current host supports TLS, unless that is known. Throws if the host can't be reached. */
  detectTls(): Promise<void>
  /** Switches to the next host, unless another connection has already switched away from this one. */
  failOver(endpoint: PostgresEndpoint): void
}

export function createHostSelector(address: PostgresTarget): HostSelector {
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
    if (endpoint === undefined) throw new Error('the address has no host')
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
        endpoint.ssl = (await supportsTls(endpoint, connectTimeout)) ? tls : false
      } catch (error) {
        this.failOver(endpoint)
        throw error
      }
    },
    failOver(endpoint) {
      // After a failure another server may start there, with or without TLS.
      if (needsTlsProbe(endpoint.host)) endpoint.ssl = null
      if (endpoint === currentEndpoint()) index = (index + 1) % endpoints.length
    },
  }
}

/**
 * Returns a class of clients. Each connects to the host that is current when it is created, and fails over if it can't.
 */
export function clientClassFor(
  hosts: HostSelector,
  settings: ClientConfig & { pipeline?: boolean },
) {
  const { user, password, database, options, tls, weakLogins } = hosts.address
  const { connectAs = (work) => work() } = hosts.address
  const isVerified = isServerVerified(tls)
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
        // Without a password, pg uses PGPASSWORD and ~/.pgpass, as libpq does.
        ...(password !== null && { password: password.reveal() }),
        ...(options !== null && { options }),
        application_name: 'snailpass',
        connectionTimeoutMillis: connectTimeout,
        keepAlive: true,
        keepAliveInitialDelayMillis: 10_000,
        types: { getTypeParser },
      })
      this.endpoint = endpoint
      // An unhandled error event would end the process. The queries that fail report the error.
      this.on('error', () => {})
      refuseWeakLogins(this, { locate: () => 'public', ...weakLogins, isVerified })
    }

    override connect(): Promise<Client>
    override connect(callback: ConnectCallback): void
    override connect(callback?: ConnectCallback): Promise<Client> | undefined {
      const connecting = connectAs(() => super.connect()).catch((error) => {
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

/** The type of pg's own callback. */
type ConnectCallback = ((error: Error) => void) | ((error: null, client: Client) => void)

/** Sends all queries of a client until the next turn of the event loop in one packet. */
export function corkUntilNextTick({ connection }: Client): void {
  connection.stream.cork()
  process.nextTick(() => connection.stream.uncork())
}

const int8Oid = 20

/** Our times and row numbers are bigint and always safe integers; by default pg returns them as strings. */
const getTypeParser: typeof types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === int8Oid ? Number : types.getTypeParser(oid, format)

/**
 * Tries each host once, beginning with the current one. Throws ConnectionFault if all of them fail, or if the pool has
 * no free connection in time; the latter does not switch to another host.
 */
export async function withFailover<T>(hosts: HostSelector, connect: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const endpoint = hosts.current
    try {
      await hosts.detectTls()
      return await connect()
    } catch (cause) {
      if (hosts.current !== endpoint && tries < hosts.hostCount) continue
      throw new ConnectionFault('no host of this database can be used', { cause })
    }
  }
}
