import { blockOf, networkOf } from './address'
import type { RequestBounds } from './request-bounds'

/** The slow, salted hash of a master password hash that the server stores. Its text names algorithm and parameters. */
export type PasswordHash = string

/**
 * Between whom the hashes that wait take turns (`hashOriginOf`). A queue that is full refuses those who have most in it.
 */
export type HashOrigin = readonly [group: string, block: string, member: string]

/**
 * Returns the origin of a hash. Clients that an account knows and strangers take turns, so neither can keep the other out; then
 * blocks of networks; then, within a block, accounts that know it, or networks. `knownBy` is the email of an account that was signed
 * in to from that network before.
 */
export function hashOriginOf(address: string | null, knownBy: string | null = null): HashOrigin {
  return knownBy === null
    ? ['strangers', blockOf(address), networkOf(address)]
    : ['known', blockOf(address), knownBy]
}

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
    options?: { bounds?: RequestBounds | undefined; origin?: HashOrigin },
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
    origin?: HashOrigin
    /** Called right before hashing. If it throws, nothing is hashed. */
    beforeStart?: () => void
  }): Promise<Verdict>
}
