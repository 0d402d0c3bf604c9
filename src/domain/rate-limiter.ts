import { networkOf } from './address'
import { createDistinctCounter, requireNotLimited } from './distinct-counter'
import type { RateLimit } from './rate-limits'
import type { Clock } from './runtime'

/** What one network may do so many times. */
export interface RateLimiter {
  /** Throws `rate_limited` when it was done too often. */
  requireAllowed(address: string | null): void
  /** Counts one more time. */
  count(address: string | null): void
}

export function createRateLimiter(limit: RateLimit, clock: Clock): RateLimiter {
  const counts = createDistinctCounter(limit, clock)
  let attempts = 0
  return {
    requireAllowed: (address) => requireNotLimited(counts.secondsLeft(networkOf(address))),
    count: (address) => void counts.add(networkOf(address), String(attempts++)),
  }
}

/** Keeps nobody out. */
export const unlimitedRateLimiter: RateLimiter = { requireAllowed: () => {}, count: () => {} }
