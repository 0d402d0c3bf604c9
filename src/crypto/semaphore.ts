import {
  type RequestBounds,
  requireListener,
  throwTooBusy,
  tooBusy,
  waitForTurn,
} from '../domain/request-bounds'
import type { MonotonicClock, Wait } from '../domain/runtime'
import { createUsualDuration } from '../domain/usual-duration'
import { createFairQueue, type Origin } from './fair-queue'

export interface SemaphoreOptions {
  /** When the work must have ended, and whether anybody waits for it. Without bounds it may wait for ever. */
  readonly bounds?: RequestBounds | undefined
  /** Between whom the work that waits takes turns. Without it, the work is of one unnamed origin. */
  readonly origin?: Origin
  /** Called right before the work. If it throws, the work is skipped. */
  readonly beforeStart?: () => void
}

/**
 * Runs work with limited concurrency. What waits takes turns by origin, and within one origin it is first come first served.
 * Throws `unavailable` at once if the queue is so long that the work would not end in time; if the queue is full and its own
 * origin has most in it; when its time is up in the queue; and if nobody waits for it by the time it could start. Rejects with
 * what the work throws.
 */
export type Semaphore = <T>(work: () => Promise<T>, options?: SemaphoreOptions) => Promise<T>

export function createSemaphore({
  maxConcurrent,
  maxQueued,
  expectedDuration = 0,
  ...timing
}: {
  maxConcurrent: number
  maxQueued: number
  /** Milliseconds that work is expected to take until the first has ended. */
  expectedDuration?: number
  monotonicClock: MonotonicClock
  wait: Wait
}): Semaphore {
  const { monotonicClock } = timing
  const queue = createFairQueue<PromiseWithResolvers<void>>(maxQueued)
  let running = 0
  const duration = createUsualDuration(monotonicClock, expectedDuration)

  /** Throws if `bounds` end within so many milliseconds. */
  function requireTime(bounds: RequestBounds | undefined, milliseconds: number): void {
    if (bounds !== undefined && monotonicClock() + milliseconds > bounds.deadline) throwTooBusy()
  }

  async function waitInQueue(origin: Origin, bounds: RequestBounds | undefined): Promise<void> {
    const turn = Promise.withResolvers<void>()
    queue.add(turn, origin)?.reject(tooBusy())
    const leave = () => queue.remove(turn, origin)
    await waitForTurn(timing, bounds, { turn: turn.promise, leave })
  }

  return async (work, { bounds, origin = [], beforeStart } = {}) => {
    if (running < maxConcurrent) running++
    else {
      const rounds = Math.floor((running + queue.countBefore(origin)) / maxConcurrent) + 1
      requireTime(bounds, rounds * duration.get())
      // Work that ends passes its slot to the next in the queue, so `running` stays the same.
      await waitInQueue(origin, bounds)
    }
    try {
      requireListener(bounds)
      // Not with the usual duration: after one that was much too long, nothing would ever run and correct it.
      requireTime(bounds, 0)
      beforeStart?.()
      return await duration.measure(work)
    } finally {
      const next = queue.take()
      if (next === null) running--
      else next.resolve()
    }
  }
}
