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
  const keyOf = (address: string | null) => (address === null ? '-' : networkOf(address))
  return {
    require: (address) => requirePatience(counts.secondsLeft(keyOf(address))),
    count: (address) => void counts.add(keyOf(address), String(turns++)),
  }
}

/** Keeps nobody out. */
export const unlimitedQuota: Quota = { require: () => {}, count: () => {} }
