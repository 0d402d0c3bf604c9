import { type Awaitable, andThen } from './awaitable'
import { DomainError } from './errors'
import { setNewest } from './newest-entries'
import type { RequestBounds } from './request-bounds'
import type { Clock, Random } from './runtime'
import type { Store, WriteTransaction } from './store'
import type { Tokens, Verified } from './tokens'
import type { SignedInUser, User } from './user'
import type { WritableVault } from './vault'
import { vaultStateOf } from './vault-state'
import { type HistoryPolicy, keepingAt } from './versions'

/** Returns a new session epoch: 16 random bytes in base64url. No earlier token contains it, so all sessions end. */
export function newSessionEpoch(random: Random): string {
  return random(16).toBase64({ alphabet: 'base64url', omitPadding: true })
}

/** A session in which a client makes a request. */
export interface Session {
  readonly user: Pick<User, 'id' | 'sessionEpoch'>
  readonly request: RequestBounds
}

/** What a change of a vault needs. */
export interface VaultWriteDeps {
  readonly store: Store
  readonly clock: Clock
  readonly history: HistoryPolicy | null
}

/**
 * Changes the user's vault in a write transaction in which the session can't end, so that no write commits after a sign-out or
 * after the account was disabled or deleted. Throws `unauthenticated` if it has ended since the request began.
 */
export function writeInSession<T>(
  { store, clock, history }: VaultWriteDeps,
  { user, request }: Session,
  work: (vault: WritableVault, tx: WriteTransaction) => Promise<T>,
): Promise<T> {
  return store.write(async (tx) => {
    const vault = await tx.vaults.open(user, keepingAt(clock(), history))
    if (vault === null) throw sessionEnded()
    return await work(vault, tx)
  }, request)
}

export interface Sessions {
  /**
   * Returns a session token for a user whose credentials were verified, or who has the valid token `predecessor`: it expires no
   * later than that then, so that a stolen token can't be prolonged.
   */
  open(user: Pick<User, 'id' | 'sessionEpoch'>, predecessor?: string): Promise<string>

  /**
   * Returns the user of a session token. Throws `unauthenticated` if it is expired or invalid, or if the account is deleted
   * or disabled: `not_found` would be a 404, at which the Android client empties its offline copy.
   */
  authenticate(token: string, request: RequestBounds): Awaitable<SignedInUser>
}

/** How many users are known. */
const maxKnown = 1_000

export function createSessions(deps: {
  store: Store
  tokens: Tokens
  /** Called with the id of an account that was deleted, when a token of it is used. */
  onDeletedAccount?: (id: string) => void
}): Sessions {
  const { store, tokens } = deps
  /** The latest users, each as it was in a version of the database. */
  const known = new Map<string, { readonly version: number; readonly user: SignedInUser }>()

  async function readUser(
    id: string,
    version: number | null,
    request: RequestBounds,
  ): Promise<SignedInUser> {
    const found = await store.readOne((tx) => tx.users.findById(id), request)
    if (found === null) {
      known.delete(id)
      deps.onDeletedAccount?.(id)
      throw sessionEnded()
    }
    const { email, hint, sessionEpoch, isDisabled, revision } = found
    const vaultState = vaultStateOf(found)
    const user = { id, email, hint, sessionEpoch, isDisabled, revision, vaultState }
    // The version was asked before the user was read, who may be newer than that, but not older.
    if (version !== null) setNewest(known, { key: id, value: { version, user }, max: maxKnown })
    return user
  }

  /** Returns the user of a token with these claims. Most requests come without a change since the last, and cost no query. */
  function userOf(claims: Verified<'session'>, request: RequestBounds): Awaitable<SignedInUser> {
    if (claims === 'expired') throw new DomainError('unauthenticated', 'Token already expired')
    if (claims === 'invalid') throw sessionEnded()
    const version = store.version()
    const latest = known.get(claims.userId)
    const user =
      latest !== undefined && latest.version === version
        ? latest.user
        : readUser(claims.userId, version, request)
    return andThen(user, (user) => {
      if (user.isDisabled || user.sessionEpoch !== claims.epoch) throw sessionEnded()
      return user
    })
  }

  return {
    open: ({ id: userId, sessionEpoch: epoch }, predecessor) =>
      tokens.issue({ purpose: 'session', userId, epoch }, predecessor),
    authenticate: (token, request) =>
      andThen(tokens.verify('session', token), (claims) => userOf(claims, request)),
  }
}

/** Returns the error for a token that is not valid, or not any more. */
export function sessionEnded(): DomainError {
  return new DomainError('unauthenticated', 'Token is invalid')
}
