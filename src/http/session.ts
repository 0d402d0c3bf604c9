import { Elysia } from 'elysia'
import type { Session, Sessions } from '../domain/sessions'
import type { UserWithRevision } from '../domain/user'
import { HttpError } from './http-error'
import type { RequestContexts } from './request-context'

/** The session of a request, with all that is known of its user. */
export interface OpenSession extends Session {
  readonly user: UserWithRevision
}

/**
 * The session guard. Routes added after it to an Elysia instance run only in a session, and get it as `session`.
 * It runs before the body is read: an invalid token is reported before a malformed body.
 */
export function sessionGuard(sessions: Sessions, contexts: RequestContexts) {
  return new Elysia({ name: 'session guard' }).resolve({ as: 'scoped' }, async ({ request }) => {
    const token = request.headers.get('x-access-token')
    if (token === null || token === '') {
      throw new HttpError(
        400,
        'Missing Request Header',
        'Token is missing in x-access-token header',
      )
    }
    const context = contexts.get(request)
    const user = await sessions.authenticate(token, context)
    context.userId = user.id
    const session: OpenSession = { user, request: context }
    return { session }
  })
}
