import { setTimeout } from 'node:timers/promises'
import type { Clock, Wait } from '../../src/domain/runtime'

/** Real chance: no test depends on what it gives. */
export const random = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count))

/**
 * Real time as long as nobody passes it: waits of seconds take a twentieth of one, and those of a minute or more last until as much time was
 * passed. For programs that talk to others, and sleep for weeks in between.
 */
export function skippableTiming(): {
  clock: Clock
  wait: Wait
  advance(milliseconds: number): void
} {
  let passed = 0
  const clock = () => Date.now() + passed
  const sleepers = new Set<{ due: number; wake: () => void }>()
  return {
    clock,
    wait(milliseconds, signal) {
      if (milliseconds < 60_000) {
        const short = Math.min(milliseconds, 50)
        return setTimeout(short, undefined, { signal }).then(() => {
          passed += milliseconds - short
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
      passed += milliseconds
      for (const sleeper of sleepers) {
        if (sleeper.due > clock()) continue
        sleepers.delete(sleeper)
        sleeper.wake()
      }
    },
  }
}

/** Time that stands still until it is passed, and then goes from the end of one wait to the next. */
export function manualTiming(): {
  clock: Clock
  wait: Wait
  advance(milliseconds: number): Promise<void>
} {
  let now = Date.UTC(2026, 10, 23, 16, 31, 4)
  const sleepers = new Set<{ due: number; wake: () => void }>()
  /** Until everybody who is awake has nothing to do. */
  const settle = async () => {
    for (let round = 0; round < 3; round++) await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    clock: () => now,
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
  }
}

export interface FakeClock extends Clock {
  advance(milliseconds: number): void
}

/** A clock that stands still until it is told to go on. */
export function fakeClock(start: number = Date.UTC(2026, 10, 23, 16, 31, 4)): FakeClock {
  let now = start
  const advance = (milliseconds: number) => {
    now += milliseconds
  }
  return Object.assign(() => now, { advance })
}
