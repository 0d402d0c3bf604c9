import { DomainError } from './errors'
import type { Random } from './runtime'
import type { Store } from './store'
import type { Tokens } from './tokens'
import type { User } from './user'

/** Sixteen random bytes in text form: a value that no earlier token can hold. */
export function newSessionEpoch(random: Random): string {
  return random(16).toBase64({ alphabet: 'base64url', omitPadding: true })
}

export interface Sessions {
  /** A session token for a user whose credentials were verified. */
  open(user: User): Promise<string>

  /**
   * The user whose session this token is. Throws `unauthenticated` for any other token, also for one of an
   * account that is gone or disabled: a 404 there would empty the Android client's offline copy.
   */
  authenticate(token: string): Promise<User>
}

export function createSessions(deps: { store: Store; tokens: Tokens; seconds: number }): Sessions {
  return {
    open: (user) =>
      deps.tokens.issue(
        { purpose: 'session', userId: user.id, epoch: user.sessionEpoch },
        deps.seconds,
      ),

    async authenticate(token) {
      const claims = await deps.tokens.verify('session', token)
      if (claims === 'expired') throw new DomainError('unauthenticated', 'Token already expired')
      if (claims === 'invalid') throw invalidToken()
      const user = await deps.store.read((tx) => tx.users.findById(claims.userId))
      if (user === null || user.isDisabled || user.sessionEpoch !== claims.epoch) {
        throw invalidToken()
      }
      return user
    },
  }
}

function invalidToken(): DomainError {
  return new DomainError('unauthenticated', 'Token is invalid')
}
