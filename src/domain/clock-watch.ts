import {
  type AgeLimit,
  ageLimitAt,
  boundsFrom,
  type ClockProblem,
  findClockProblem,
  type KnownTime,
  maxAhead,
  maxBehind,
} from './known-time'
import type { Clock, MonotonicClock } from './runtime'

/** How long an implausible clock has to run without a jump until it is believed, in milliseconds. */
const holdTime = 24 * 60 * 60_000

/** A change of the clock by more than this many milliseconds is a jump. Time services correct less without one. */
const minJump = 5 * 60_000

/** Milliseconds of progress after which the state is worth saving while the clock is implausible. */
const doubtSaveInterval = 60 * 60_000

/** Maximum number of remembered jumps. */
const maxSegments = 20

/** Fewer milliseconds are not worth a correction. */
const minCorrection = 24 * 60 * 60_000

/** What the clock showed between two jumps, and how far it was wrong. Times are in milliseconds since 1970 (UTC). */
export interface ClockCorrection {
  readonly from: number
  readonly to: number
  /** Milliseconds to add to those times. */
  readonly by: number
}

/** Knows whether the clock is plausible. Whatever is deleted or held back by age asks it. */
export interface ClockWatch {
  /** Returns why the clock is implausible, null if it is plausible. */
  problem(): ClockProblem | null
  /**
   * Returns which times are older than `age` milliseconds. Null while the clock is implausible: nothing is old then.
   */
  ageLimit(age: number): AgeLimit | null
  /** Returns how times that this process has stored are wrong, by the clock that is plausible now. */
  corrections(): readonly ClockCorrection[]
  /** Forgets corrections that were made. */
  forget(corrections: readonly ClockCorrection[]): void
  /**
   * Returns what to store, null if that is not worth a commit: the state changed, or `interval` milliseconds have passed
   * since it was saved.
   */
  unsaved(interval: number): KnownTime | null
  /** Tells that the state is stored. */
  markSaved(state: KnownTime): void
}

/** A time without a jump. `offset` is the difference between the two clocks in milliseconds. */
interface Segment {
  readonly from: number
  readonly to: number
  readonly offset: number
}

/**
 * Watches the clock, each time that it is asked, beginning with what servers have stored. A clock that jumps far ahead, or
 * behind what was known, is implausible until it jumps back, or has run on for a day. One that shows a time before this
 * version was built is implausible in any case. The day may be one of several runs, each of which saves how far it came.
 */
export function createClockWatch(deps: {
  clock: Clock
  monotonicClock: MonotonicClock
  /** When this version was built, in milliseconds since 1970 (UTC). */
  buildTime: number
  stored: KnownTime | null
  newestRow: number | null
}): ClockWatch {
  const { clock, monotonicClock, buildTime, stored } = deps
  let { newest, known } = boundsFrom(stored, deps.newestRow, buildTime)
  let knownSince = monotonicClock()
  let disproved = stored?.disproved ?? null
  /** The latest time with which a row may be dated. */
  let latest = deps.newestRow ?? 0
  let saved = stored
  let segments: readonly Segment[] = []
  let lastLook = knownSince
  let wasDoubted = false
  let current = beginSegment(stored?.doubt ?? null)

  function beginSegment(doubt: KnownTime['doubt']) {
    const [now, since] = [clock(), monotonicClock()]
    const goesOn = doubt !== null && now >= doubt.shown - maxBehind && now <= doubt.shown + maxAhead
    // The jump happened at some time since the last look.
    const from = now - (since - lastLook)
    return { from, since, offset: now - since, heldBefore: goesOn ? doubt.heldFor : 0 }
  }

  /** Follows small corrections of the clock. Begins a new segment after a jump, and returns the one that has ended. */
  function followClock(now: number, elapsed: number): Segment | null {
    const { from, offset: previous } = current
    const offset = now - elapsed
    if (Math.abs(offset - previous) <= minJump) {
      current = { ...current, offset }
      return null
    }
    current = beginSegment(null)
    return { from, to: previous + elapsed, offset: previous }
  }

  function look(): { now: number; heldFor: number; problem: ClockProblem | null } {
    const [now, elapsed] = [clock(), monotonicClock()]
    const ended = followClock(now, elapsed)
    const heldFor = current.heldBefore + elapsed - current.since
    const expected = known === null ? null : known + elapsed - knownSince
    const found = findClockProblem(now, { buildTime, newest, known: expected })
    const isBelieved = found !== null && found.kind !== 'before_build' && heldFor >= holdTime
    const problem = isBelieved ? null : found
    // Nothing was wrong on either side of the jump of a machine that was suspended.
    if (ended !== null && (wasDoubted || problem !== null)) {
      segments = [...segments, ended].slice(-maxSegments)
    }
    latest = Math.max(latest, wasDoubted && ended !== null ? ended.to : 0, now)
    wasDoubted = problem !== null
    lastLook = elapsed
    if (problem !== null) return { now, heldFor, problem }
    if (latest > now + maxBehind) disproved = Math.max(latest, disproved ?? 0)
    newest = now
    known = now
    knownSince = elapsed
    return { now, heldFor, problem: null }
  }

  function findCorrections() {
    if (look().problem !== null) return []
    return segments.map(({ from, to, offset }) => ({ from, to, by: current.offset - offset }))
  }

  return {
    problem: () => look().problem,

    ageLimit(age) {
      const { now, problem } = look()
      return problem === null ? ageLimitAt(now, age) : null
    },

    corrections: () => findCorrections().filter(({ by }) => Math.abs(by) > minCorrection),

    forget(corrections) {
      const made = new Set(corrections.map(({ from }) => from))
      segments = segments.filter(({ from }) => !made.has(from))
    },

    unsaved(interval) {
      const { now, heldFor, problem } = look()
      if (known === null) return null
      // A time before the build is never believed, however long it lasts.
      const progress = problem?.kind === 'before_build' ? 0 : heldFor
      const doubt = problem === null ? null : { shown: now, heldFor: progress }
      const state = { time: known, disproved, doubt }
      if (saved === null || (saved.doubt === null) !== (doubt === null)) return state
      if (doubt !== null) {
        const isWorthSaving = progress - (saved.doubt?.heldFor ?? 0) >= doubtSaveInterval
        return isWorthSaving ? state : null
      }
      // The absolute difference: a clock that was believed may be behind what was saved.
      return Math.abs(known - saved.time) >= interval ? state : null
    },

    markSaved(state) {
      saved = state
    },
  }
}
