import { networkOf } from './address'
import { createDistinctCounts, requirePatience } from './distinct-counts'
import type { Limit } from './rate-limits'
import type { Clock } from './world'

/** What one network may do so many times. */
export interface Quota {
  /** Throws `rate_limited` when it was done too often. */
  require(address: string | null): void
  /** Counts one more time. */
  count(address: string | null): void
}

export function createQuota(limit: Limit, clock: Clock): Quota {
  const counts = createDistinctCounts(limit, clock)
  let turns = 0
  return {
    require: (address) => requirePatience(counts.secondsLeft(networkOf(address))),
    count: (address) => void counts.add(networkOf(address), String(turns++)),
  }
}

/** Keeps nobody out. */
export const unlimitedQuota: Quota = { require: () => {}, count: () => {} }
