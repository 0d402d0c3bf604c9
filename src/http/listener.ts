import type { Log } from '../log'
import type { Api } from './api'
import { cutConnection } from './errors'

export interface Listener {
  /** Where it waits, with the real port. */
  readonly url: URL
  /** Takes no new connection and waits for the answers under way; with `now`, cuts them. */
  stop(options?: { now: boolean }): Promise<void>
  /** Whether no request is being worked on. A cut connection does not end the work for it. */
  isIdle(): boolean
}

/**
 * Seconds of silence after which a connection is closed. Bun counts in steps of about four, and a handler
 * that works for longer is cut too: a store's patience of 10 s must fit in.
 */
const idleTimeout = 40

/** Starts to answer. Throws what the system says when the address cannot be had. */
export function listen(api: Api, address: { hostname: string; port: number }, log: Log): Listener {
  let underWay = 0
  const server = Bun.serve({
    ...address,
    idleTimeout,
    // Bodies are bounded by the API, in the contract's shape; Bun's own refusal has none.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    async fetch(request) {
      const begin = performance.now()
      underWay++
      api.notes.of(request).peer = server.requestIP(request)?.address ?? null
      const response = await api.handle(request).finally(() => underWay--)
      const { route, userId, isCut, isRoutine } = api.notes.of(request)
      if (isRoutine && response.ok) return response
      log.info('request', {
        method: request.method,
        route: route ?? '-',
        status: isCut ? 'cut' : response.status,
        ms: Math.round((performance.now() - begin) * 10) / 10,
        user: userId ?? '-',
      })
      return response
    },
    error(fault) {
      log.error('a fault outside of every route', fault)
      // For which route is not known here, and some clients would take any answer for "all is gone".
      return cutConnection()
    },
  })
  return {
    url: server.url,
    stop: async ({ now } = { now: false }) => await server.stop(now),
    isIdle: () => underWay === 0,
  }
}
