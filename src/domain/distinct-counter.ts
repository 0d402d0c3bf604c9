import { DomainError } from './errors'
import type { RateLimit } from './rate-limits'
import type { Clock } from './runtime'

/** Counts distinct things by key within a window, and shuts a key out once there are too many. */
export interface DistinctCounter {
  /** Counts a thing for a key. False when it was counted already. */
  add(key: string, thing: string): boolean
  /** Seconds for which a key is shut out, 0 when it is not. */
  secondsLeft(key: string): number
  /** Keys and things that are remembered. */
  size(): number
}

/** What is remembered of a key. */
interface Entry {
  /** When each thing came, in milliseconds. */
  readonly things: Map<string, number>
  lockedUntil: number
  /** How often it was shut out of late. */
  lockoutCount: number
}

/** Keys and things that are remembered, all in all: some megabytes. */
const defaultMaxRemembered = 50_000

/** Of so many of the oldest keys the one with the fewest things is forgotten: whoever sends many keys can't hide one. */
const evictionCandidates = 16

const day = 24 * 60 * 60_000

/**
 * `grows`: each time that a key is shut out again within a day is twice as long as the last one, up to a day. What is
 * remembered is bounded whatever anybody sends.
 */
export function createDistinctCounter(
  { max, seconds }: RateLimit,
  clock: Clock,
  {
    hasBackoff = false,
    maxRemembered = defaultMaxRemembered,
  }: { hasBackoff?: boolean; maxRemembered?: number } = {},
): DistinctCounter {
  const window = seconds * 1000
  // In the order of their last use.
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
      // In the order in which they came.
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
      return left <= 0 ? 0 : Math.ceil(left / 1000)
    },

    size: () => remembered,
  }
}

/** Throws `rate_limited` for who has to wait so many seconds; nobody has to for 0. */
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

function formatDuration(seconds: number): string {
  const [count, unit] = seconds < 90 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute']
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}
