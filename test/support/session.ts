import type { RequestBounds } from '../../src/domain/request-bounds'
import type { Session } from '../../src/domain/sessions'

/** The bounds of a request that may take for ever. */
export const unbounded: RequestBounds = {
  deadline: Number.POSITIVE_INFINITY,
  isAbandoned: false,
}

/** Returns a session of a user, for a request without bounds. */
export function sessionOf(user: Session['user']): Session {
  return { user, request: unbounded }
}
