import { blockOf, isIpv6, networkOf } from './address'
import { createDistinctCounter, requireNotLimited } from './distinct-counter'
import { blockLimit, type RateLimit } from './rate-limits'
import type { MonotonicClock } from './runtime'

/** Limits how often a network may do one thing, and how often a /48 of IPv6 may. */
export interface RateLimiter {
  /** Throws `rate_limited` if the network has reached the limit, or its /48 has reached that of a /48. */
  requireAllowed(address: string | null): void
  /** Counts one use. */
  count(address: string | null): void
}

/** `onLimited` is called for each refusal. */
export function createRateLimiter(
  limit: RateLimit,
  clock: MonotonicClock,
  onLimited?: () => void,
): RateLimiter {
  const byNetwork = createDistinctCounter(limit, clock)
  const byBlock = createDistinctCounter(blockLimit(limit), clock)
  let attempts = 0
  return {
    requireAllowed(address) {
      const secondsOfBlock = isIpv6(address) ? byBlock.secondsLeft(blockOf(address)) : 0
      const seconds = Math.max(secondsOfBlock, byNetwork.secondsLeft(networkOf(address)))
      if (seconds > 0) onLimited?.()
      requireNotLimited(seconds)
    },
    count(address) {
      const attempt = String(attempts++)
      byNetwork.add(networkOf(address), attempt)
      if (isIpv6(address)) byBlock.add(blockOf(address), attempt)
    },
  }
}

/** Limits nothing. */
export const unlimitedRateLimiter: RateLimiter = { requireAllowed: () => {}, count: () => {} }
