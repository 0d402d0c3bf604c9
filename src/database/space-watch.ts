import type { Clock } from '../domain/runtime'
import { freeSpace } from '../files/free-space'

/** How much space a server leaves free, and who is told when it has to. */
export interface FreeSpaceLimit {
  /** Bytes below which nothing more is written. */
  readonly minBytes: number
  /** Told when writes are refused from now on, and when they no longer are. */
  onChange(isLow: boolean): void
}

/** How long an answer of the system holds, in milliseconds. */
const maxAge = 1_000

/** Whether less than that is free where a path lies. What the system does not tell is enough. */
export function watchFreeSpace(
  path: string,
  limit: FreeSpaceLimit,
  clock: Clock,
  measure: typeof freeSpace = freeSpace,
): () => boolean {
  let isLow = false
  let lastMeasured = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock()
    // A clock that was set back must not keep an old answer for good.
    if (Math.abs(now - lastMeasured) < maxAge) return isLow
    lastMeasured = now
    const before = isLow
    isLow = (measure(path) ?? Number.POSITIVE_INFINITY) < limit.minBytes
    if (isLow !== before) limit.onChange(isLow)
    return isLow
  }
}
