import { connect, type PeerCertificate } from 'node:tls'
import { createTestAuthority } from './certificates'
import type { Pebble } from './pebble'
import { startTestServer, type TestServer } from './server'
import { skippableTiming } from './timing'

/** A server that has its certificate from an authority, with time that the test passes. */
export interface AcmeServer extends TestServer {
  advance(milliseconds: number): void
  /** Its lines of this message, as objects. */
  listLogEntries(message: string): readonly Record<string, unknown>[]
  /** Waits until there are so many. */
  waitForLog(message: string, count?: number): Promise<void>
  /** The certificate that it serves, and whether it is one of this root for this name. */
  readPresentedCertificate(
    root: string,
    name: string,
  ): Promise<{ isTrusted: boolean; certificate: PeerCertificate }>
}

export const issuedMessage = 'a new certificate'
export const failedMessage = 'no certificate could be had'
export const unsavedMessage =
  'the new certificate is served, and could not be saved: a restart orders again'

/** Starts one, which the authority finds at its port unless told otherwise. */
export async function startAcmeServer(
  pebble: Pick<Pebble, 'directory' | 'caFile' | 'challengePort'>,
  options: {
    settings?: Readonly<Record<string, string>>
    dataDir?: string
    listen?: string
  } = {},
): Promise<AcmeServer> {
  const { advance, ...timing } = skippableTiming()
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
    listLogEntries,
    async waitForLog(message, count = 1) {
      while (listLogEntries(message).length < count) await Bun.sleep(5)
    },
    async readPresentedCertificate(root, name) {
      const { port } = server.urls.find(({ protocol }) => protocol === 'https:') ?? {}
      for (;;) {
        const presented = await tryHandshake(Number(port), root, name)
        if (presented !== null) return presented
        // A listener that changes its certificate at this moment may cut a handshake that no request follows.
        await Bun.sleep(50)
      }
    },
  }
}

type PresentedCertificate = Awaited<ReturnType<AcmeServer['readPresentedCertificate']>>

/** Null where the handshake was cut. */
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
 * Stands before an authority, and answers in its place whatever `answer` does: what no authority for tests does when it is
 * told to.
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
      // The authority makes its addresses of the host that it was asked for.
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
