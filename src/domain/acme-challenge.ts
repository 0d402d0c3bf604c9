/** An HTTP-01 challenge of a certificate authority (RFC 8555, section 8.3), and our answer to it. */
export interface AcmeChallenge {
  readonly token: string
  /** The answer to a request for the token. Not a secret. */
  readonly keyAuthorization: string
  /** When it was stored, in milliseconds since 1970 (UTC). */
  readonly time: number
}

export interface AcmeChallengeReads {
  /** Returns null if there is no such challenge. */
  find(token: string): Promise<AcmeChallenge | null>
}

export interface AcmeChallengeWrites {
  /** Inserts a challenge, or replaces the one with the same token. */
  put(challenge: AcmeChallenge): Promise<void>
  /** Does nothing if there is no such challenge. */
  delete(token: string): Promise<void>
  /** Deletes challenges that were stored before a time. */
  deleteBefore(before: number): Promise<void>
}
