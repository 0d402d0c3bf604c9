/** The answer to an HTTP-01 challenge of a certificate authority (RFC 8555, section 8.3). */
export interface AcmeChallenge {
  readonly token: string
  /** What is answered to whoever asks for the token. It is no secret. */
  readonly keyAuthorization: string
  /** When it was put there, in milliseconds since 1970 (UTC). */
  readonly time: number
}

export interface AcmeChallengeReads {
  find(token: string): Promise<AcmeChallenge | null>
}

export interface AcmeChallengeWrites {
  /** In the place of one with that token. */
  put(challenge: AcmeChallenge): Promise<void>
  /** Does nothing when there is none. */
  delete(token: string): Promise<void>
  /** Deletes those from before a time. */
  deleteBefore(before: number): Promise<void>
}
