import { networkOf } from './address'
import { createDistinctCounter, requireNotLimited } from './distinct-counter'
import type { RateLimit } from './rate-limits'
import type { MonotonicClock } from './runtime'

/** Limits how often a network may do one thing. */
export interface RateLimiter {
  /** Throws `rate_limited` if the network has reached the limit. */
  requireAllowed(address: string | null): void
  /** Counts one use. */
  count(address: string | null): void
}

export function createRateLimiter(limit: RateLimit, clock: MonotonicClock): RateLimiter {
  const counts = createDistinctCounter(limit, clock)
  let attempts = 0
  return {
    requireAllowed: (address) => requireNotLimited(counts.secondsLeft(networkOf(address))),
    count: (address) => void counts.add(networkOf(address), String(attempts++)),
  }
}

/** Limits nothing. */
export const unlimitedRateLimiter: RateLimiter = { requireAllowed: () => {}, count: () => {} }
