import type { Awaitable } from './awaitable'

/** The content of a token. It includes the purpose, so that one kind never serves as the other. */
export type TokenClaims = SessionClaims | ConfirmationClaims

export type TokenPurpose = TokenClaims['purpose']

/** In every request of a signed-in client. Valid while `epoch` is the user's session epoch. */
export interface SessionClaims {
  readonly purpose: 'session'
  readonly userId: string
  readonly epoch: string
}

/** In the link that confirms an email address. Valid for that account and that address only. */
export interface ConfirmationClaims {
  readonly purpose: 'confirmation'
  readonly userId: string
  readonly email: string
}

/** What is known of a token. */
export type Verified<P extends TokenPurpose> =
  | Extract<TokenClaims, { purpose: P }>
  | 'expired'
  | 'invalid'

export interface Tokens {
  /**
   * Returns a signed token, which expires after the lifetime of its purpose, or together with the token `predecessor`, which must
   * be one of this server, if that is sooner.
   */
  issue(claims: TokenClaims, predecessor?: string): Promise<string>

  /**
   * Returns the claims of a token that this server issued for this purpose, or `expired` if it has expired, or was issued
   * while the clock was ahead. Returns `invalid` for everything else: another purpose, key or algorithm, no expiry, not a
   * token.
   */
  verify<P extends TokenPurpose>(purpose: P, token: string): Awaitable<Verified<P>>
}
