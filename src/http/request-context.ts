import type { RequestBounds } from '../domain/request-bounds'
import type { Client } from './client'

/** What the server learns about a request while it handles it: for the routes, and for the line in the log. */
export interface RequestContext extends RequestBounds {
  /** It is counted from the last byte of the request. */
  deadline: number
  /** The pattern of the route, `/confirm/:token`, never the path, which may contain a token. Null if no route matched. */
  route: string | null
  /** The signed-in user; null until it is known. */
  userId: string | null
  /** Whether the connection is closed without an answer: see offline-copies.ts. */
  isCut: boolean
  /** Whether a successful answer is left out of the log at every level. */
  isRoutine: boolean
  /** IP address at the other end of the connection: a client's or a proxy's. Null on a Unix socket. */
  peer: string | null
  client: Client
  /** Whether many requests and answers are under way. */
  isCrowded: boolean
}

export interface RequestContexts {
  /** Returns the one context of a request, and creates it at the first call. */
  get(request: Request): RequestContext
}

export function createRequestContexts(): RequestContexts {
  const contexts = new WeakMap<Request, RequestContext>()
  return {
    get(request) {
      const known = contexts.get(request)
      if (known !== undefined) return known
      const context: RequestContext = {
        route: null,
        userId: null,
        isCut: false,
        isRoutine: false,
        peer: null,
        isCrowded: false,
        client: { address: null, isSecure: false },
        deadline: Number.POSITIVE_INFINITY,
        get isAbandoned() {
          return request.signal.aborted
        },
      }
      contexts.set(request, context)
      return context
    },
  }
}
