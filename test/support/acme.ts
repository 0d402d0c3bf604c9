import { connect, type PeerCertificate } from 'node:tls'
import type { Clock } from '../../src/domain/runtime'
import { createTestAuthority } from './certificates'
import type { Pebble } from './pebble'
import { startTestServer, type TestServer } from './server'
import { skippableTiming } from './timing'
import { until } from './until'

/** A server that gets its certificate from a CA by ACME. The test advances its time. */
export interface AcmeServer extends TestServer {
  advance(milliseconds: number): void
  /** Its clock, which is ahead of the real one by what its waits would have taken. */
  readonly clock: Clock
  /** Returns the entries of its log with this message. */
  listLogEntries(message: string): readonly Record<string, unknown>[]
  /** Waits until the log has `count` entries with this message. */
  waitForLog(message: string, count?: number): Promise<void>
  /** Returns the certificate that it serves, and whether a client that trusts this root accepts it for this name. */
  readPresentedCertificate(
    root: string,
    name: string,
  ): Promise<{ isTrusted: boolean; certificate: PeerCertificate }>
}

export const issuedMessage = 'got a new certificate'
export const failedMessage = "can't get a certificate"
export const unsavedMessage =
  "can't save the new certificate: it is served, but a restart orders another"

/** Starts a server. By default it listens on the port where the CA looks for responses to challenges. */
export async function startAcmeServer(
  pebble: Pick<Pebble, 'directory' | 'caFile' | 'challengePort'>,
  options: {
    settings?: Readonly<Record<string, string>>
    dataDir?: string
    listen?: string
    /** Real milliseconds that a wait of less than a minute takes at most. Default: 50. */
    maxRealWait?: number
  } = {},
): Promise<AcmeServer> {
  const { advance, ...timing } = skippableTiming(options.maxRealWait)
  const server = await startTestServer({
    listen: options.listen ?? `127.0.0.1:${pebble.challengePort}`,
    settings: {
      SNAILPASS_TLS: 'acme',
      SNAILPASS_LISTEN_TLS: '127.0.0.1:0',
      SNAILPASS_ACME_NAMES: 'vault.example.org',
      SNAILPASS_ACME_DIRECTORY: pebble.directory,
      SNAILPASS_ACME_CA: pebble.caFile,
      ...options.settings,
    },
    ...(options.dataDir !== undefined && { dataDir: options.dataDir }),
    runtime: timing,
  })
  const listLogEntries = (message: string) =>
    server.log.map((line) => JSON.parse(line)).filter((line) => line.message === message)
  return {
    ...server,
    advance,
    clock: timing.clock,
    listLogEntries,
    async waitForLog(message, count = 1) {
      const isLogged = () => listLogEntries(message).length >= count
      await until(isLogged, `log entry ${count} with the message "${message}"`)
    },
    async readPresentedCertificate(root, name) {
      const { port } = server.urls.find(({ protocol }) => protocol === 'https:') ?? {}
      // A listener that is replacing its certificate may close a connection that sends no request.
      return await until(
        () => tryHandshake(Number(port), root, name),
        'a complete TLS handshake with the server',
        { interval: 50 },
      )
    },
  }
}

type PresentedCertificate = Awaited<ReturnType<AcmeServer['readPresentedCertificate']>>

/** Returns null if the connection was closed during the handshake. */
function tryHandshake(
  port: number,
  ca: string,
  servername: string,
): Promise<PresentedCertificate | null> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, servername, ca, rejectUnauthorized: false }
    const socket = connect(options, () => {
      resolve({ isTrusted: socket.authorized, certificate: socket.getPeerCertificate() })
      socket.end()
    })
    socket.on('error', () => resolve(null))
  })
}

/**
 * A proxy in front of a CA. For paths for which `answer` returns a response, it sends that instead: faults that the CA can't
 * be configured to have.
 */
export async function startAcmeProxy(
  pebble: Pebble,
  answer: (path: string) => Response | Promise<Response> | null,
): Promise<Pick<Pebble, 'directory' | 'caFile' | 'challengePort'> & Disposable> {
  const authority = await createTestAuthority()
  const { certificate, key } = await authority.issue({ names: ['localhost'] })
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    tls: { cert: certificate, key },
    async fetch(request) {
      const { pathname, host } = new URL(request.url)
      const own = await answer(pathname)
      if (own !== null) return own
      // The CA builds its URLs from the host of the request.
      const headers = new Headers(request.headers)
      headers.set('host', host)
      const {
        status,
        headers: answered,
        body,
      } = await fetch(new URL(pathname, pebble.directory), {
        method: request.method,
        headers,
        body: request.method === 'POST' ? await request.text() : null,
        tls: { ca: pebble.ca },
      })
      return new Response(body, { status, headers: answered })
    },
  })
  const caFile = `${pebble.caFile}.front`
  await Bun.write(caFile, authority.certificate)
  return {
    directory: `https://localhost:${server.port}/dir`,
    caFile,
    challengePort: pebble.challengePort,
    [Symbol.dispose]: () => void server.stop(true),
  }
}
