import type { Awaitable } from '../domain/awaitable'
import type { CertificateSource } from '../domain/certificates'
import { answerTimeout } from '../domain/request-bounds'
import type { MonotonicClock, Wait } from '../domain/runtime'
import type { Log } from '../log'
import type { Api } from './api'
import { type Client, type ConnectionInfo, setUrl } from './client'
import { type OpenServer, serveHttps } from './https-server'
import { cutConnection } from './offline-copies'
import type { RequestContext } from './request-context'

export interface Listener {
  /** The address with the real port; `unix:` and a path for a Unix socket. */
  readonly url: URL
  /** Accepts no further connections and waits for running requests. With `now`, it closes their connections instead. */
  stop(options?: { now: boolean }): Promise<void>
  /** Returns how many requests are running. A request runs on when its connection is closed. */
  countRunning(): number
}

/** Where to listen: an IP address and a port, or the path of a Unix socket. */
export type ListenerAddress =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string }

interface ListenDeps {
  /** Whether a listener on all IPv6 addresses leaves IPv4 to another one. Most systems would give it both. */
  readonly isIpv6Only?: boolean
  /** The certificates for HTTPS; null for plain HTTP. */
  readonly certificates: CertificateSource | null
  readonly resolveClient: (connection: ConnectionInfo, headers: Headers) => Client
  readonly monotonicClock: MonotonicClock
  readonly wait: Wait
  readonly log: Log
  /** Called after each request. */
  readonly onAnswer?: (answered: AnsweredRequest) => void
}

/** A request with its answer, for statistics. */
export interface AnsweredRequest {
  readonly method: string
  /** The pattern of the route; null if none matched. */
  readonly route: string | null
  readonly status: number
  /** Whether the connection was closed without an answer. */
  readonly isCut: boolean
  /** Milliseconds. */
  readonly duration: number
}

/**
 * Seconds without traffic after which a connection is closed. Bun counts in steps of about four seconds, and also closes
 * connections whose request is still running: its answer takes up to 8 s.
 */
const idleTimeout = 40

/** Milliseconds without a request after which the certificate can be replaced without cutting a client off. */
const quietPeriod = 1_000

/** How many answers may be under way before lists are counted by their size (vault-answers.ts). */
const maxLeaving = 16

/** Milliseconds from which an answer counts as slow. A sign-in takes a tenth of that on usual machines. */
const slowAnswer = 1_000

/**
 * Tells browsers to use only HTTPS for half a year (in seconds). It is sent only with a publicly trusted certificate: with
 * another one, browsers would lock users out as soon as the certificate authority is created again (RFC 6797, section 8.4).
 */
const strictTransport = `max-age=${180 * 24 * 3600}`

/**
 * Starts to answer at an address, over HTTPS if there are certificates. Throws the system's error if the address is not
 * available.
 */
export function listen(api: Api, address: ListenerAddress, deps: ListenDeps): Listener {
  const { certificates, log } = deps
  const { handle, countRunning, isQuiet } = createRequestHandler(api, deps)
  const common = {
    // The API limits bodies itself, because Bun's answer would not have the shape of the wire contract.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    error(error: Error) {
      log.error('unexpected error outside of every route', error)
      // The route is unknown here, so it may be one whose answer clients keep offline.
      return cutConnection()
    },
  }

  if ('path' in address) {
    const fetch = (request: Request, server: Bun.Server<undefined>) =>
      handle(request, server, () => null)
    const options = { ...common, unix: address.path, fetch }
    // Bun supports this option for Unix sockets, but Bun's types lack it.
    Object.assign(options, { idleTimeout })
    const server = Bun.serve(options)
    const url = new URL(`unix:${address.path}`)
    return { url, countRunning, stop: ({ now } = { now: false }) => server.stop(now) }
  }
  const open: OpenServer = (options) =>
    Bun.serve({
      ...common,
      ...address,
      ...options,
      ...(deps.isIpv6Only === true && { ipv6Only: true }),
      idleTimeout,
      fetch: (request, server) =>
        handle(request, server, () => server.requestIP(request)?.address ?? null),
    })
  if (certificates === null) {
    const server = open({})
    return {
      ...{ url: server.url, countRunning },
      stop: ({ now } = { now: false }) => server.stop(now),
    }
  }
  return { ...serveHttps(open, { ...deps, certificates, isQuiet }), countRunning }
}

/** A request, and when it came. */
interface HandledRequest {
  readonly request: Request
  readonly context: RequestContext
  /** In milliseconds on the monotonic clock. */
  readonly start: number
}

/**
 * Passes requests to the API, logs them and counts the running ones. `findPeer` returns the address at the other end, while the
 * connection is open.
 */
function createRequestHandler(api: Api, deps: ListenDeps) {
  const { certificates, resolveClient, monotonicClock, log, onAnswer } = deps
  const isTls = certificates !== null
  let runningRequests = 0
  let lastRequestTime = Number.NEGATIVE_INFINITY

  function handle(
    request: Request,
    server: Pick<Bun.Server<undefined>, 'pendingRequests'>,
    findPeer: () => string | null,
  ): Awaitable<Response> {
    const start = monotonicClock()
    lastRequestTime = start
    if (isTls) rewriteUrlToHttp(request)
    const context = api.contexts.open(request, () => {
      const peer = findPeer()
      return { peer, client: resolveClient({ peer, isTls }, request.headers) }
    })
    // A request whose answer is not known yet holds none.
    context.isCrowded = () => server.pendingRequests - runningRequests > maxLeaving
    context.deadline = start + answerTimeout
    const answer = api.handle(request)
    if (answer instanceof Promise) return finishLater(answer, { request, context, start })
    return finish(answer, { request, context, start })
  }

  async function finishLater(
    answer: Promise<Response>,
    handled: HandledRequest,
  ): Promise<Response> {
    // Now, since the address of a connection that is closed is unknown.
    handled.context.findSender()
    runningRequests++
    const response = await answer.finally(() => runningRequests--)
    return finish(response, handled)
  }

  function finish(response: Response, { request, context, start }: HandledRequest): Response {
    if (certificates?.isPubliclyTrusted() === true) {
      response.headers.set('strict-transport-security', strictTransport)
    }
    const duration = monotonicClock() - start
    logRequest(log, { request, response, context, duration })
    if (onAnswer !== undefined) {
      const { route, isCut } = context
      onAnswer({ method: request.method, route, status: response.status, isCut, duration })
    }
    return response
  }

  return {
    handle,
    countRunning: () => runningRequests,
    isQuiet: () => runningRequests === 0 && monotonicClock() - lastRequestTime > quietPeriod,
  }
}

/**
 * Writes the line of a request. Clients send a request for each record, so those that succeed in time are written only at
 * the level for debugging. A refusal is at info, a failure of the server or a slow answer is a warning.
 */
function logRequest(
  log: Log,
  {
    request,
    response,
    context,
    duration,
  }: { request: Request; response: Response; context: RequestContext; duration: number },
): void {
  const { route, userId, isCut, isRoutine } = context
  const isWarning = isCut || response.status >= 500 || duration >= slowAnswer
  const isRefusal = response.status >= 400
  if (!isWarning && !isRefusal && (isRoutine || log.debug === null)) return
  const write = isWarning ? log.warn : isRefusal ? log.info : log.debug
  write?.('request', {
    method: request.method,
    route: route ?? '-',
    status: isCut ? 'cut' : response.status,
    ms: Math.round(duration * 10) / 10,
    user: userId ?? '-',
    address: context.findSender().client.address ?? '-',
  })
}

/**
 * Gives the request an `http:` URL. Elysia takes the first slash after seven characters for the start of the path. In an
 * `https:` URL that slash belongs to the scheme, and every route would be 404. `urlOf` in client.ts has the real scheme.
 */
function rewriteUrlToHttp(request: Request): void {
  setUrl(request, request.url.replace(/^https:/, 'http:'))
}
