/** What the server stores of a master password hash: a slow, salted hash of it, in a form that names itself. */
export type PasswordHash = string

/** What a check of a master password hash found. */
export interface Verdict {
  readonly matches: boolean
  /** A verifier of today's kind to store in place of the one that matched, when that one is of the original's kind. */
  readonly replacement: PasswordHash | null
}

export interface PasswordHasher {
  /** A fresh verifier for a master password hash as the client sent it. Leaves the event loop free. */
  hash(masterPasswordHash: string): Promise<PasswordHash>

  /**
   * Checks a master password hash. Takes as long for an unknown account (`verifier` null) as for a known
   * one; with `legacyToo` it always does the work of the original's kind as well, so that neither kind of
   * account is told apart by time. Leaves the event loop free. Throws `unavailable` when too many wait.
   */
  verify(attempt: {
    masterPasswordHash: string
    /** Lower-cased: the salt of the original's kind. */
    email: string
    passwordHash: PasswordHash | null
    includeLegacy: boolean
    /** Aborted when the client is gone: its turn at the hasher is not worth taking then. */
    signal?: AbortSignal | undefined
    /** Whether it goes before those of strangers. */
    isPreferred?: boolean
    /** Called when its turn at the hasher has come; throws when it is not to be checked any more. */
    beforeStart?: () => void
  }): Promise<Verdict>
}
