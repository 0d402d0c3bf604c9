import type { Client } from './client'

/** What is learnt of a request on its way, for its line in the log. */
export interface RequestContext {
  /** The pattern that matched, never the path: a path may hold a token. */
  route: string | null
  userId: string | null
  /** Whether the connection is closed without an answer. */
  isCut: boolean
  /** Whether a good answer is not worth a line in the log. */
  isRoutine: boolean
  /** Address of whoever is connected, null where there is none. */
  peer: string | null
  client: Client
}

export interface RequestContexts {
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
        client: { address: null, isSecure: false },
      }
      contexts.set(request, context)
      return context
    },
  }
}
