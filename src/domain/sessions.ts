import { DomainError } from './errors'
import type { RequestBounds } from './request-bounds'
import type { Random } from './runtime'
import type { Store, WriteTransaction } from './store'
import type { Tokens } from './tokens'
import type { User, UserWithRevision } from './user'
import type { WritableVault } from './vault'

/** Returns a new session epoch: 16 random bytes in base64url. No earlier token contains it, so all sessions end. */
export function newSessionEpoch(random: Random): string {
  return random(16).toBase64({ alphabet: 'base64url', omitPadding: true })
}

/** A session in which a client makes a request. */
export interface Session {
  readonly user: Pick<User, 'id' | 'sessionEpoch'>
  readonly request: RequestBounds
}

/**
 * Changes the user's vault in a write transaction in which the session can't end, so that no write commits after a sign-out or
 * after the account was disabled or deleted. Throws `unauthenticated` if it has ended since the request began.
 */
export function writeInSession<T>(
  store: Store,
  { user, request }: Session,
  work: (vault: WritableVault, tx: WriteTransaction) => Promise<T>,
): Promise<T> {
  return store.write(async (tx) => {
    const vault = await tx.vaults.open(user)
    if (vault === null) throw sessionEnded()
    return await work(vault, tx)
  }, request)
}

export interface Sessions {
  /** Returns a session token for a user whose credentials were verified. */
  open(user: User): Promise<string>

  /**
   * Returns the user of a session token. Throws `unauthenticated` if it is expired or invalid, or if the account is deleted
   * or disabled: `not_found` would be a 404, at which the Android client empties its offline copy.
   */
  authenticate(token: string, request: RequestBounds): Promise<UserWithRevision>
}

export function createSessions(deps: {
  store: Store
  tokens: Tokens
  /** Called with the id of an account that was deleted, when a token of it is used. */
  onDeletedAccount?: (id: string) => void
}): Sessions {
  return {
    open: (user) =>
      deps.tokens.issue({ purpose: 'session', userId: user.id, epoch: user.sessionEpoch }),

    async authenticate(token, request) {
      const claims = await deps.tokens.verify('session', token)
      if (claims === 'expired') throw new DomainError('unauthenticated', 'Token already expired')
      if (claims === 'invalid') throw sessionEnded()
      const user = await deps.store.readOne((tx) => tx.users.findById(claims.userId), request)
      if (user === null) deps.onDeletedAccount?.(claims.userId)
      if (user === null || user.isDisabled || user.sessionEpoch !== claims.epoch) {
        throw sessionEnded()
      }
      return user
    },
  }
}

/** Returns the error for a token that is not valid, or not any more. */
export function sessionEnded(): DomainError {
  return new DomainError('unauthenticated', 'Token is invalid')
}
