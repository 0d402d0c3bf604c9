import type { MonotonicClock } from '../domain/runtime'
import { freeSpace } from '../files/free-space'

/** How much space a server leaves free on the disk of its database. */
export interface FreeSpaceLimit {
  /** Writes are refused while fewer bytes are free. */
  readonly minBytes: number
  /** Called when writes begin to be refused (`isLow`), and when they are accepted again. */
  onChange(isLow: boolean): void
}

/** How long a measurement is used, in milliseconds. */
const maxAge = 1_000

/**
 * Returns a function that returns whether too little space is free on the disk of `path`. Unknown free space counts as
 * enough.
 */
export function watchFreeSpace(
  path: string,
  limit: FreeSpaceLimit,
  {
    monotonicClock,
    measure = freeSpace,
  }: {
    monotonicClock: MonotonicClock
    measure?: typeof freeSpace
  },
): () => boolean {
  let isLow = false
  let lastMeasured = Number.NEGATIVE_INFINITY
  return () => {
    const now = monotonicClock()
    if (now - lastMeasured < maxAge) return isLow
    lastMeasured = now
    const before = isLow
    isLow = (measure(path) ?? Number.POSITIVE_INFINITY) < limit.minBytes
    if (isLow !== before) limit.onChange(isLow)
    return isLow
  }
}
