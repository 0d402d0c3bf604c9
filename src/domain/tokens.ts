/** What a token says. Its purpose is part of it, so that one never serves as the other. */
export type TokenClaims = SessionClaims | ConfirmationClaims

/** Carried by every request of a signed-in client. */
export interface SessionClaims {
  readonly purpose: 'session'
  readonly userId: string
  readonly epoch: string
}

/** Carried by the link that confirms an email: good for that account and that address alone. */
export interface ConfirmationClaims {
  readonly purpose: 'confirmation'
  readonly userId: string
  readonly email: string
}

export interface Tokens {
  /** A signed token that lives `seconds` from now. */
  issue(claims: TokenClaims, seconds: number): Promise<string>

  /**
   * The claims of a token of this server for this purpose; `expired` for one past its time; `invalid` for
   * everything else: another purpose, key or algorithm, no expiry, no token at all.
   */
  verify<P extends TokenClaims['purpose']>(
    purpose: P,
    token: string,
  ): Promise<Extract<TokenClaims, { purpose: P }> | 'expired' | 'invalid'>
}
