/**
 * What is known about the time besides the clock, and whether the clock can be right. Machines boot in 1970, and somebody sets
 * the year wrongly once: nothing is deleted or held back by such a time.
 */

/** What the servers of a database have stored about the time. Times are in milliseconds since 1970 (UTC). */
export interface KnownTime {
  /** The last time at which the clock of a server was plausible. */
  readonly time: number
  /** Rows that are dated after `time`, up to this time, come from a clock that turned out to be wrong. Null for none. */
  readonly disproved: number | null
  /** While the clock is implausible: what it showed last, and for how many milliseconds it has run without a jump. */
  readonly doubt: { readonly shown: number; readonly heldFor: number } | null
}

export interface KnownTimeReads {
  /** Returns null before the first server. */
  find(): Promise<KnownTime | null>
  /** Returns the newest time in any row, in milliseconds since 1970 (UTC); null if there is none. */
  findNewestRow(): Promise<number | null>
}

export interface KnownTimeWrites {
  /** Replaces what is stored. */
  save(known: KnownTime): Promise<void>
}

/** An earlier time is impossible: this program did not exist then. */
export const minPlausibleTime = Date.parse('2026-01-01T00:00:00Z')

/** How far the clock may be behind the newest row: the clocks of servers differ. In milliseconds, as all below. */
export const maxBehind = 5 * 60_000

/** How far the clock may be ahead of the last known time: a machine may have been off for a weekend. */
export const maxAhead = 48 * 60 * 60_000

/** The clock of the machine that built this version may have been ahead. */
const buildTolerance = 24 * 60 * 60_000

/** What limits the time from both sides. Times are in milliseconds since 1970 (UTC); null for unknown. */
export interface TimeBounds {
  /** When this version was built. */
  readonly buildTime: number
  /** It is not earlier than this. */
  readonly newest: number | null
  /** It is not much later than this. */
  readonly known: number | null
}

/** Why the clock is implausible. `detail` is for operators. */
export interface ClockProblem {
  readonly kind: 'before_build' | 'behind' | 'ahead'
  readonly detail: string
}

/** Returns the bounds that follow from what is stored. */
export function boundsFrom(
  stored: KnownTime | null,
  newestRow: number | null,
  buildTime: number,
): TimeBounds {
  // While a clock was implausible, it may have dated the newest row.
  const isDoubted = stored !== null && stored.doubt !== null
  const isCredible = newestRow !== null && newestRow > (stored?.disproved ?? 0) && !isDoubted
  const row = isCredible ? newestRow : null
  if (stored !== null) {
    return { buildTime, newest: Math.max(stored.time, row ?? 0), known: stored.time }
  }
  // An impossible row tells nothing. Before the first server of this version, the newest row is all there is.
  const possible = row !== null && row >= minPlausibleTime ? row : null
  return { buildTime, newest: possible, known: possible }
}

/** Decides whether the clock, which shows `now`, can be right. Returns null if it can. */
export function findClockProblem(
  now: number,
  { buildTime, newest, known }: TimeBounds,
): ClockProblem | null {
  if (now < Math.max(minPlausibleTime, buildTime - buildTolerance)) {
    const built = buildTime > minPlausibleTime ? `was built at ${toText(buildTime)}` : 'is newer'
    return {
      kind: 'before_build',
      detail: `the clock of this machine is behind: it shows ${toText(now)}, and this version ${built}`,
    }
  }
  if (newest !== null && now < newest - maxBehind) {
    return {
      kind: 'behind',
      detail: `the clock of this machine is behind: it shows ${toText(now)}, and the database contains a row from ${toText(newest)}`,
    }
  }
  if (known !== null && now > Math.max(known, buildTime) + maxAhead) {
    return {
      kind: 'ahead',
      detail: `the clock of this machine may be ahead: it shows ${toText(now)}, and the last known time is ${toText(known)}`,
    }
  }
  return null
}

/** A time for operators. Far beyond what the calendar can show, it stays a number. */
function toText(time: number): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? `${time} ms since 1970` : date.toISOString()
}

/** Which times are certainly older than some age. Times are in milliseconds since 1970 (UTC). */
export interface AgeLimit {
  readonly now: number
  /** Older than the age. */
  readonly before: number
  /** Earlier times come from a wrong clock: they tell no age. */
  readonly earliest: number
}

/** Returns which times are older than `age` milliseconds at a plausible time. */
export function ageLimitAt(now: number, age: number): AgeLimit {
  return { now, before: now - age, earliest: minPlausibleTime }
}

/** Returns whether a time is certainly of the age of the limit, or older. Null is the limit of an implausible clock. */
export function isOlder(time: number, limit: AgeLimit | null): boolean {
  return limit !== null && time >= limit.earliest && time <= limit.before
}
