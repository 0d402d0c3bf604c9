import {
  type RequestBounds,
  requireListener,
  throwTooBusy,
  withDeadline,
} from '../domain/request-bounds'
import type { MonotonicClock, Wait } from '../domain/runtime'

export interface SemaphoreOptions {
  /** When the work must have ended, and whether anybody waits for it. Without bounds it may wait for ever. */
  readonly bounds?: RequestBounds | undefined
  /** Whether the work runs before others. It has its own queue, which others can't fill. */
  readonly isPreferred?: boolean
  /** Called right before the work. If it throws, the work is skipped. */
  readonly beforeStart?: () => void
}

/**
 * Runs work, first come first served, with limited concurrency. Throws `unavailable` at once if the queue is full, or so long that
 * the work would not end in time; when its time is up in the queue; and if nobody waits for it by the time it could start. Rejects
 * with what the work throws.
 */
export type Semaphore = <T>(work: () => Promise<T>, options?: SemaphoreOptions) => Promise<T>

/** There are two queues, for preferred work and for other work, of up to `maxQueued` each. */
export function createSemaphore({
  maxConcurrent,
  maxQueued,
  ...timing
}: {
  maxConcurrent: number
  maxQueued: number
  monotonicClock: MonotonicClock
  wait: Wait
}): Semaphore {
  const { monotonicClock } = timing
  const preferred: (() => void)[] = []
  const others: (() => void)[] = []
  let running = 0
  /** Milliseconds that work has taken lately: an average in which the last one counts a quarter. */
  let usualDuration: number | null = null

  /** Throws if `bounds` end within so many milliseconds. */
  function requireTime(bounds: RequestBounds | undefined, duration: number): void {
    if (bounds !== undefined && monotonicClock() + duration > bounds.deadline) throwTooBusy()
  }

  async function waitForTurn(queue: (() => void)[], bounds: RequestBounds | undefined) {
    const { promise, resolve } = Promise.withResolvers<void>()
    queue.push(resolve)
    await withDeadline(timing, bounds, promise).catch((error: unknown) => {
      const index = queue.indexOf(resolve)
      // Its turn came in the same moment: the slot is passed on below.
      if (index === -1) return
      queue.splice(index, 1)
      throw error
    })
  }

  return async (work, { bounds, isPreferred = false, beforeStart } = {}) => {
    if (running < maxConcurrent) running++
    else {
      const queue = isPreferred ? preferred : others
      if (queue.length >= maxQueued) throwTooBusy()
      const before = running + preferred.length + (isPreferred ? 0 : others.length)
      const rounds = Math.floor(before / maxConcurrent) + 1
      requireTime(bounds, rounds * (usualDuration ?? 0))
      // Work that ends passes its slot to the next in the queue, so `running` stays the same.
      await waitForTurn(queue, bounds)
    }
    try {
      requireListener(bounds)
      // Not with the usual duration: after one that was much too long, nothing would ever run and correct it.
      requireTime(bounds, 0)
      beforeStart?.()
      const start = monotonicClock()
      const result = await work()
      const duration = monotonicClock() - start
      usualDuration = usualDuration === null ? duration : (3 * usualDuration + duration) / 4
      return result
    } finally {
      const next = preferred.shift() ?? others.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
