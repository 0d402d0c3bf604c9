import type { Clock } from '../domain/world'
import { freeSpace } from '../engine/free-space'

/** How much space a server leaves free, and who is told when it has to. */
export interface SpaceBound {
  /** Bytes below which nothing more is written. */
  readonly least: number
  /** Told when writes are refused from now on, and when they no longer are. */
  changed(isLow: boolean): void
}

/** How long an answer of the system holds, in milliseconds. */
const validity = 1_000

/** Whether less than that is free where a path lies. What the system does not tell is enough. */
export function watchSpace(
  path: string,
  bound: SpaceBound,
  clock: Clock,
  measure: typeof freeSpace = freeSpace,
): () => boolean {
  let isLow = false
  let asked = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock()
    // A clock that was set back must not keep an old answer for good.
    if (Math.abs(now - asked) < validity) return isLow
    asked = now
    const before = isLow
    isLow = (measure(path) ?? Number.POSITIVE_INFINITY) < bound.least
    if (isLow !== before) bound.changed(isLow)
    return isLow
  }
}
