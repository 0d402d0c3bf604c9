import { DomainError } from './errors'
import type { RateLimit } from './rate-limits'
import type { MonotonicClock } from './runtime'
import { formatDuration } from './text'

/** Counts distinct things per key within a window of time, and locks a key out once it has too many. */
export interface DistinctCounter {
  /** Counts a thing for a key. Returns false if the thing is counted already. */
  add(key: string, thing: string): boolean
  /** Returns the seconds for which a key is still locked out, 0 if it is not. */
  secondsLeft(key: string): number
  /** Returns the number of keys and things in memory. */
  size(): number
}

/** What is known about a key. */
interface Entry {
  /** When each thing was counted, in milliseconds of the counter's clock; oldest first. */
  readonly things: Map<string, number>
  lockedUntil: number
  /** How often the key was locked out, each time within a day of the last one. */
  lockoutCount: number
}

/** Maximum number of keys and things in memory: some megabytes. */
const defaultMaxRemembered = 20_000

/**
 * Of this many least recently used keys, the one with the fewest things is evicted. So an attacker can't have a key
 * forgotten by sending many others.
 */
const evictionCandidates = 16

const day = 24 * 60 * 60_000

/**
 * Locks a key out for `seconds` once it has `max` distinct things within `seconds`. With `hasBackoff`, each further lockout
 * within a day lasts twice as long as the last one, up to a day. Memory is bounded by `maxRemembered`.
 */
export function createDistinctCounter(
  { max, seconds }: RateLimit,
  clock: MonotonicClock,
  {
    hasBackoff = false,
    maxRemembered = defaultMaxRemembered,
  }: { hasBackoff?: boolean; maxRemembered?: number } = {},
): DistinctCounter {
  const window = seconds * 1000
  // Least recently used first.
  const entries = new Map<string, Entry>()
  let remembered = 0

  function use(key: string, now: number): Entry {
    const entry = entries.get(key) ?? { things: new Map(), lockedUntil: 0, lockoutCount: 0 }
    if (entries.delete(key)) dropExpired(entry, now)
    else remembered++
    entries.set(key, entry)
    return entry
  }

  function dropExpired({ things }: Entry, now: number): void {
    for (const [thing, time] of things) {
      // Oldest first: all others are younger.
      if (now - time < window) break
      things.delete(thing)
      remembered--
    }
  }

  function lockOut(entry: Entry, now: number): void {
    const isLate = now - entry.lockedUntil > day
    entry.lockoutCount = hasBackoff && !isLate ? entry.lockoutCount + 1 : 1
    entry.lockedUntil =
      now + Math.min(window * 2 ** (entry.lockoutCount - 1), Math.max(day, window))
    remembered -= entry.things.size
    entry.things.clear()
  }

  function evict(): void {
    while (remembered > maxRemembered) {
      let [lightestKey, lightest] = ['', Number.POSITIVE_INFINITY]
      let examined = 0
      for (const [key, entry] of entries) {
        const weight = entry.lockoutCount * max + entry.things.size
        if (weight < lightest) [lightestKey, lightest] = [key, weight]
        if (++examined === evictionCandidates) break
      }
      remembered -= 1 + (entries.get(lightestKey)?.things.size ?? 0)
      entries.delete(lightestKey)
    }
  }

  return {
    add(key, thing) {
      const now = clock()
      const entry = use(key, now)
      if (entry.things.has(thing)) return false
      entry.things.set(thing, now)
      remembered++
      if (entry.things.size >= max) lockOut(entry, now)
      evict()
      return true
    },

    secondsLeft(key) {
      const left = (entries.get(key)?.lockedUntil ?? 0) - clock()
      return Math.max(0, Math.ceil(left / 1000))
    },

    size: () => remembered,
  }
}

/** Throws `rate_limited` with the seconds to wait, unless they are 0. The message is part of the wire contract. */
export function requireNotLimited(seconds: number): void {
  if (seconds === 0) return
  throw new DomainError(
    'rate_limited',
    `Too many attempts, try again in ${formatDuration(seconds)}`,
    {
      retryAfter: seconds,
    },
  )
}
