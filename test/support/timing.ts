import { setTimeout } from 'node:timers/promises'
import { type ClockWatch, createClockWatch } from '../../src/domain/clock-watch'
import type { Clock, MonotonicClock, Wait } from '../../src/domain/runtime'

/** A watch of a clock about which nothing else is known: it is plausible from 2026 on, as long as both clocks are one. */
export function watchOf(clock: Clock, monotonicClock: MonotonicClock = clock): ClockWatch {
  return createClockWatch({ clock, monotonicClock, buildTime: 0, stored: null, newestRow: null })
}

/** A clock that jumps, and a watch of it that has seen it right. */
export function jumpingClock() {
  const [clock, monotonicClock] = [fakeClock(), fakeClock(0)]
  const clockWatch = watchOf(clock, monotonicClock)
  clockWatch.problem()
  return {
    clock,
    monotonicClock,
    clockWatch,
    jump(days: number) {
      clock.advance(days * 86_400_000)
      clockWatch.problem()
    },
    pass(milliseconds: number) {
      clock.advance(milliseconds)
      monotonicClock.advance(milliseconds)
    },
  }
}

/** Real random bytes: no test depends on their values. */
export const random = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count))

/**
 * Real time that a test can skip. A wait of less than a minute takes at most `maxRealWait` milliseconds; a longer one lasts until
 * the test has advanced the clock far enough. For code that talks to other programs and waits for weeks in between.
 */
export function skippableTiming(maxRealWait = 50): {
  clock: Clock
  monotonicClock: MonotonicClock
  wait: Wait
  advance(milliseconds: number): void
} {
  let advanced = 0
  const clock = () => Date.now() + advanced
  const sleepers = new Set<{ due: number; wake: () => void }>()
  return {
    clock,
    monotonicClock: clock,
    wait(milliseconds, signal) {
      if (milliseconds < 60_000) {
        const short = Math.min(milliseconds, maxRealWait)
        return setTimeout(short, undefined, { signal }).then(() => {
          advanced += milliseconds - short
        })
      }
      return new Promise((resolve, reject) => {
        const sleeper = { due: clock() + milliseconds, wake: resolve }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper)
          reject(signal.reason)
        })
      })
    },
    advance(milliseconds) {
      advanced += milliseconds
      for (const sleeper of sleepers) {
        if (sleeper.due > clock()) continue
        sleepers.delete(sleeper)
        sleeper.wake()
      }
    },
  }
}

/** Time that stands still until it is advanced, and then jumps from the end of one wait to the next. */
export function manualTiming(): {
  clock: Clock
  monotonicClock: MonotonicClock
  wait: Wait
  advance(milliseconds: number): Promise<void>
  /** How many waits there are now. */
  sleeping(): number
} {
  let now = Date.UTC(2026, 10, 23, 16, 31, 4)
  const sleepers = new Set<{ due: number; wake: () => void }>()
  /** Waits until the code that was woken is waiting again. */
  const settle = async () => {
    for (let round = 0; round < 3; round++) await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    clock: () => now,
    monotonicClock: () => now,
    wait: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason)
        const sleeper = { due: now + milliseconds, wake: resolve }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper)
          reject(signal.reason)
        })
      }),
    async advance(milliseconds) {
      const end = now + milliseconds
      await settle()
      for (;;) {
        const [next] = [...sleepers].sort((a, b) => a.due - b.due)
        if (next === undefined || next.due > end) break
        sleepers.delete(next)
        now = next.due
        next.wake()
        await settle()
      }
      now = end
    },
    sleeping: () => sleepers.size,
  }
}

export interface FakeClock extends Clock {
  advance(milliseconds: number): void
}

/** A clock that stands still until it is advanced. */
export function fakeClock(start: number = Date.UTC(2026, 10, 23, 16, 31, 4)): FakeClock {
  let now = start
  const advance = (milliseconds: number) => {
    now += milliseconds
  }
  return Object.assign(() => now, { advance })
}

export interface PatientTiming {
  readonly clock: Clock
  readonly monotonicClock: MonotonicClock
  readonly wait: Wait
  /** Lets time pass at once. It ends nothing that is being waited for. */
  advance(milliseconds: number): void
  /** Lets every limit that is being waited for be over. Returns how many milliseconds each of them is. */
  endLimits(): number[]
  /** Resolves when the code starts its next pause of so many milliseconds. */
  nextPause(milliseconds: number): Promise<void>
  /** Lets no pause end before `release`, unless it is aborted. */
  hold(): void
  release(): void
}

/**
 * Time for code that waits for other programs: nothing that these do is ever late, however busy the machine is. A wait of at most
 * `longestPause` milliseconds is a pause between attempts and ends `speed` times as soon, after which all of it has passed. A
 * longer one is a limit, which ends only when the test says so.
 */
export function patientTiming({ longestPause = 1_000, speed = 1 } = {}): PatientTiming {
  let advanced = 0
  const limits = new Set<{ milliseconds: number; end: () => void }>()
  const listeners = new Set<{ milliseconds: number; call: () => void }>()
  let holding: PromiseWithResolvers<void> | null = null

  const pause = async (milliseconds: number, signal?: AbortSignal) => {
    for (const listener of listeners) {
      if (listener.milliseconds !== milliseconds) continue
      listeners.delete(listener)
      listener.call()
    }
    const real = Math.ceil(milliseconds / speed)
    await setTimeout(real, undefined, { signal })
    advanced += milliseconds - real
    if (holding !== null) await Promise.race([holding.promise, rejectOnAbort(signal)])
  }

  return {
    clock: () => Date.now() + advanced,
    monotonicClock: () => Date.now() + advanced,
    wait(milliseconds, signal) {
      if (milliseconds <= longestPause) return pause(milliseconds, signal)
      const { promise, resolve } = Promise.withResolvers<void>()
      const limit = { milliseconds, end: resolve }
      limits.add(limit)
      return Promise.race([promise, rejectOnAbort(signal)]).finally(() => limits.delete(limit))
    },
    advance(milliseconds) {
      advanced += milliseconds
    },
    endLimits() {
      const ended = [...limits]
      limits.clear()
      advanced += Math.max(0, ...ended.map(({ milliseconds }) => milliseconds))
      for (const { end } of ended) end()
      return ended.map(({ milliseconds }) => milliseconds)
    },
    nextPause: (milliseconds) =>
      new Promise((resolve) => listeners.add({ milliseconds, call: resolve })),
    hold() {
      holding ??= Promise.withResolvers<void>()
    },
    release() {
      holding?.resolve()
      holding = null
    },
  }
}

function rejectOnAbort(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const end = () => reject(signal?.reason)
    if (signal?.aborted === true) end()
    else signal?.addEventListener('abort', end)
  })
}
