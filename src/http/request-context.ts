import type { RequestBounds } from '../domain/request-bounds'
import type { Client } from './client'

/** Who sent a request. */
export interface RequestSender {
  /** IP address at the other end of the connection: a client's or a proxy's. Null on a Unix socket. */
  readonly peer: string | null
  readonly client: Client
}

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
  /** Returns whether many answers have not left completely now. */
  isCrowded: () => boolean
  /** Returns who sent the request. It is looked up at the first call: many requests are answered without it. */
  findSender(): RequestSender
}

export interface RequestContexts {
  /** Creates the context of a request. `lookUpSender` is called once at most. */
  open(request: Request, lookUpSender: () => RequestSender): RequestContext
  /** Returns the one context of a request. Throws if there is none. */
  get(request: Request): RequestContext
}

export function createRequestContexts(): RequestContexts {
  const contexts = new WeakMap<Request, RequestContext>()
  return {
    open(request, lookUpSender) {
      const context = new Context(request, lookUpSender)
      contexts.set(request, context)
      return context
    },

    get(request) {
      const context = contexts.get(request)
      if (context === undefined) throw new Error('a request without a context')
      return context
    },
  }
}

const notCrowded = () => false

class Context implements RequestContext {
  deadline = Number.POSITIVE_INFINITY
  route: string | null = null
  userId: string | null = null
  isCut = false
  isRoutine = false
  isCrowded = notCrowded
  readonly #request: Request
  readonly #lookUpSender: () => RequestSender
  #sender: RequestSender | null = null

  constructor(request: Request, lookUpSender: () => RequestSender) {
    this.#request = request
    this.#lookUpSender = lookUpSender
  }

  get isAbandoned(): boolean {
    return this.#request.signal.aborted
  }

  findSender(): RequestSender {
    this.#sender ??= this.#lookUpSender()
    return this.#sender
  }
}
