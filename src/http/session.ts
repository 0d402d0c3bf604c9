import { type Awaitable, andThen } from '../domain/awaitable'
import type { Session, Sessions } from '../domain/sessions'
import type { SignedInUser } from '../domain/user'
import { HttpError } from './http-error'
import type { RequestContexts } from './request-context'

/** The session of a request, with what is known of its user. */
export interface OpenSession extends Session {
  readonly user: SignedInUser
}

/** A request in a session. */
export interface SessionRequest {
  readonly request: Request
  readonly session: OpenSession
}

/** Returns the session token of a request, empty without one. */
export function tokenOf({ headers }: Request): string {
  return headers.get('x-access-token') ?? ''
}

type HandleInSession<Answer> = (request: SessionRequest) => Awaitable<Answer>

/**
 * Makes a handler of Elysia from one that needs a session. The session is checked before the body is read: an invalid token is
 * reported before a malformed body.
 */
export type SessionGuard = <Answer>(
  handle: HandleInSession<Answer>,
) => (context: { readonly request: Request }) => Awaitable<Answer>

export function createSessionGuard(sessions: Sessions, contexts: RequestContexts): SessionGuard {
  function openSession(request: Request): Awaitable<OpenSession> {
    const token = tokenOf(request)
    if (token === '') {
      throw new HttpError(
        400,
        'Missing Request Header',
        'Token is missing in x-access-token header',
      )
    }
    const context = contexts.get(request)
    return andThen(sessions.authenticate(token, context), (user) => {
      context.userId = user.id
      return { user, request: context }
    })
  }

  function handleInSession<Answer>(
    handle: HandleInSession<Answer>,
    { request }: { readonly request: Request },
  ): Awaitable<Answer> {
    return andThen(openSession(request), (session) => handle({ request, session }))
  }

  // Bound, since Elysia reads the text of a handler, and awaits one that calls a function in a return statement.
  return <Answer>(handle: HandleInSession<Answer>) => (handleInSession<Answer>).bind(null, handle)
}
