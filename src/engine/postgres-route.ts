import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { Client, type ClientBase, type ClientConfig, types } from 'pg'
import { ConnectionFault } from './postgres-faults'

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

/** The words are libpq's (https://www.postgresql.org/docs/current/libpq-ssl.html); files are paths of PEM. */
export interface PostgresTls {
  readonly mode: 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'
  readonly rootCertificate: string | null
  readonly certificate: string | null
  readonly key: string | null
}

/** How long a host may take to let us in, in milliseconds. */
export const connectTimeout = 3_000

/** One way to reach a server: a host, with or without TLS. */
type Endpoint = Pick<ClientConfig, 'host' | 'port' | 'ssl'>

/** The endpoints of an address, and the one that is believed to be right. */
export interface Route {
  readonly address: PostgresAddress
  readonly length: number
  readonly current: Endpoint
  /** Goes on to the next endpoint, unless somebody else has left this one already. */
  leave(endpoint: Endpoint): void
}

export function routeTo(address: PostgresAddress): Route {
  const endpoints = address.hosts.flatMap(({ host, port }) =>
    tlsOptions(address.tls, host).map((ssl): Endpoint => ({ host, port, ssl })),
  )
  let index = 0
  const at = (): Endpoint => endpoints[index] ?? {}
  return {
    address,
    length: endpoints.length,
    get current() {
      return at()
    },
    leave(endpoint) {
      if (endpoint === at()) index = (index + 1) % endpoints.length
    },
  }
}

/** What is tried with one host, in its order. */
function tlsOptions(tls: PostgresTls, host: string): readonly (ConnectionOptions | false)[] {
  // A Unix socket has no TLS.
  if (tls.mode === 'disable' || host.startsWith('/')) return [false]
  const files = {
    ...(tls.rootCertificate !== null && { ca: readFileSync(tls.rootCertificate, 'utf8') }),
    ...(tls.certificate !== null && { cert: readFileSync(tls.certificate, 'utf8') }),
    ...(tls.key !== null && { key: readFileSync(tls.key, 'utf8') }),
  }
  switch (tls.mode) {
    case 'prefer':
      return [{ ...files, rejectUnauthorized: false }, false]
    case 'require':
      // As libpq: whoever names a root certificate wants it looked at.
      if (tls.rootCertificate === null) return [{ ...files, rejectUnauthorized: false }]
      return [{ ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined }]
    case 'verify-ca':
      return [{ ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined }]
    case 'verify-full':
      return [{ ...files, rejectUnauthorized: true }]
  }
}

/** Clients that connect to where the route points when they are made. */
export function clientsOf(route: Route, settings: ClientConfig & { pipeline?: boolean }) {
  const { user, password, database, options } = route.address
  return class extends Client {
    constructor() {
      const socket = new Socket()
      super({
        stream: () => socket,
        ...settings,
        ...route.current,
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
      sockets.set(this, socket)
      // Faults come back from the queries that meet them; nobody listens for this one.
      this.on('error', () => {})
    }
  }
}

/** What each client writes to. */
const sockets = new WeakMap<ClientBase, Socket>()

/** Has a client send what it is asked from here to the end of this turn of the event loop in one piece. */
export function gather(client: ClientBase): void {
  const socket = sockets.get(client)
  socket?.cork()
  process.nextTick(() => socket?.uncork())
}

const int8 = 20

/** bigint holds our times and row numbers, which are safe integers; pg would make them strings. */
const getTypeParser: typeof types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === int8 ? Number : types.getTypeParser(oid, format)

/** Tries each endpoint once, beginning with the one that served last. What all refuse is a ConnectionFault. */
export async function viaAnyHost<T>(route: Route, connect: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const endpoint = route.current
    try {
      return await connect()
    } catch (cause) {
      route.leave(endpoint)
      if (tries < route.length) continue
      throw new ConnectionFault('no server of this database can be used at present', { cause })
    }
  }
}
