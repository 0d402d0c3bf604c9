import type { RequestBounds } from './request-bounds'

/** The slow, salted hash of a master password hash that the server stores. Its text names algorithm and parameters. */
export type PasswordHash = string

/** Default maximum number of queued hashes: as many as are computed before their connections reach the idle timeout. */
export const defaultMaxQueuedHashes = 256

/** The result of checking a master password hash. */
export interface Verdict {
  readonly matches: boolean
  /** A current password hash to store instead, if the one that matched is a legacy one; else null. */
  readonly replacement: PasswordHash | null
}

export interface PasswordHasher {
  /** Returns a password hash with a new salt. Does not block the event loop. Throws `unavailable` as `verify`. */
  hash(
    masterPasswordHash: string,
    options?: { bounds?: RequestBounds | undefined },
  ): Promise<PasswordHash>

  /**
   * Checks a master password hash. Takes as long for an unknown account (`passwordHash` null) as for a known one. With
   * `includeLegacy` it also computes a legacy hash each time, so that the time it takes reveals no account. Does not block
   * the event loop. Throws `unavailable` if too many are queued, the result would come too late, or the client is gone; and
   * what `beforeStart` throws.
   */
  verify(attempt: {
    masterPasswordHash: string
    /** In lower case: the salt of a legacy hash. */
    email: string
    passwordHash: PasswordHash | null
    includeLegacy: boolean
    /** Of the request that the hash is for. */
    bounds?: RequestBounds | undefined
    /** Whether it runs before others that wait. */
    isPreferred?: boolean
    /** Called right before hashing. If it throws, nothing is hashed. */
    beforeStart?: () => void
  }): Promise<Verdict>
}
