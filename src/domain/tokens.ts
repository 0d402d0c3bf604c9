/** The content of a token. It includes the purpose, so that one kind never serves as the other. */
export type TokenClaims = SessionClaims | ConfirmationClaims

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

export interface Tokens {
  /** Returns a signed token that expires in `seconds`. */
  issue(claims: TokenClaims, seconds: number): Promise<string>

  /**
   * Returns the claims of a token that this server issued for this purpose, or `expired` if it has expired. Returns `invalid`
   * for everything else: another purpose, key or algorithm, no expiry, not a token.
   */
  verify<P extends TokenClaims['purpose']>(
    purpose: P,
    token: string,
  ): Promise<Extract<TokenClaims, { purpose: P }> | 'expired' | 'invalid'>
}
