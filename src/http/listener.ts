import type { CertificateSource } from '../domain/certificates'
import type { Wait } from '../domain/runtime'
import type { Log } from '../log'
import type { Api } from './api'
import type { Client, ConnectionInfo } from './client'
import { type OpenServer, serveHttps } from './https-server'
import { cutConnection } from './offline-copies'

export interface Listener {
  /** Where it waits, with the real port; of a Unix socket, `unix:` and its path. */
  readonly url: URL
  /** Takes no new connection and waits for the answers under way; with `now`, cuts them. */
  stop(options?: { now: boolean }): Promise<void>
  /** Whether no request is being worked on. A cut connection does not end the work for it. */
  isIdle(): boolean
}

/** Where to wait: an address and a port, or the path of a Unix socket. */
export type ListenerAddress =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string }

/**
 * Seconds of silence after which a connection is closed. Bun counts in steps of about four, and a handler
 * that works for longer is cut too: a store's patience of 10 s must fit in.
 */
const idleTimeout = 40

/** After so many milliseconds without a request, a certificate can change without anybody's notice. */
const quietPeriod = 1_000

/**
 * Over a certificate that everybody trusts, browsers are told to come by HTTPS alone for so many seconds: half a year. Over any
 * other they are not, or a certificate that was made anew would lock them out (RFC 6797, section 8.4).
 */
const strictTransport = `max-age=${180 * 24 * 3600}`

/**
 * Elysia looks for the path behind a fixed number of characters, which fits the shortest host of one scheme alone: with the
 * other, every route of it would be unknown. Whether a request came by HTTPS is told by its client.
 */
function rewriteUrlToHttp(request: Request): void {
  const value = request.url.replace(/^https:/, 'http:')
  Object.defineProperty(request, 'url', { value })
}

/**
 * Starts to answer at an address; with `certificates`, by HTTPS. Throws what the system says when the address cannot be had.
 */
export function listen(
  api: Api,
  address: ListenerAddress,
  deps: {
    certificates: CertificateSource | null
    resolveClient: (connection: ConnectionInfo, headers: Headers) => Client
    wait: Wait
    log: Log
  },
): Listener {
  const { certificates, resolveClient, log } = deps
  const isTls = certificates !== null
  let activeRequests = 0
  let lastBegin = 0

  async function answer(request: Request, peer: string | null): Promise<Response> {
    const begin = performance.now()
    lastBegin = begin
    activeRequests++
    if (isTls) rewriteUrlToHttp(request)
    const context = api.contexts.get(request)
    context.peer = peer
    context.client = resolveClient({ peer, isTls }, request.headers)
    const response = await api.handle(request).finally(() => activeRequests--)
    if (certificates?.isPubliclyTrusted() === true) {
      response.headers.set('strict-transport-security', strictTransport)
    }
    const { route, userId, isCut, isRoutine, client } = context
    if (isRoutine && response.ok) return response
    log.info('request', {
      method: request.method,
      route: route ?? '-',
      status: isCut ? 'cut' : response.status,
      ms: Math.round((performance.now() - begin) * 10) / 10,
      user: userId ?? '-',
      address: client.address ?? '-',
    })
    return response
  }

  const common = {
    // Bodies are bounded by the API, in the contract's shape; Bun's own refusal has none.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    error(fault: Error) {
      log.error('a fault outside of every route', fault)
      // For which route is not known here, and some clients would take any answer for "all is gone".
      return cutConnection()
    },
  }
  const isIdle = () => activeRequests === 0
  if ('path' in address) {
    const fetch = (request: Request) => answer(request, null)
    const options = { ...common, unix: address.path, fetch }
    // Bun's types know no such option of these, and Bun does.
    Object.assign(options, { idleTimeout })
    const server = Bun.serve(options)
    const url = new URL(`unix:${address.path}`)
    return { url, isIdle, stop: ({ now } = { now: false }) => server.stop(now) }
  }
  const open: OpenServer = (options) =>
    Bun.serve({
      ...common,
      ...address,
      ...options,
      idleTimeout,
      fetch: (request, server) => answer(request, server.requestIP(request)?.address ?? null),
    })
  if (certificates === null) {
    const server = open({})
    return { url: server.url, isIdle, stop: ({ now } = { now: false }) => server.stop(now) }
  }
  const isQuiet = () => activeRequests === 0 && performance.now() - lastBegin > quietPeriod
  return { ...serveHttps(open, { ...deps, certificates, isQuiet }), isIdle }
}
