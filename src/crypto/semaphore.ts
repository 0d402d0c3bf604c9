import { DomainError } from '../domain/errors'

export interface SemaphoreOptions {
  /** Aborted when the result is no longer needed. */
  readonly signal?: AbortSignal | undefined
  /** Whether the work runs before others. It has its own queue, which others can't fill. */
  readonly isPreferred?: boolean
  /** Called right before the work. If it throws, the work is skipped. */
  readonly beforeStart?: () => void
}

/**
 * Runs work, first come first served, with limited concurrency. Throws `unavailable` if the queue is full, or if the signal
 * has aborted by the time the work could start. Rejects with what the work throws.
 */
export type Semaphore = <T>(work: () => Promise<T>, options?: SemaphoreOptions) => Promise<T>

/** There are two queues, for preferred work and for other work, of up to `maxQueued` each. */
export function createSemaphore(maxConcurrent: number, maxQueued: number): Semaphore {
  const preferred: (() => void)[] = []
  const others: (() => void)[] = []
  let running = 0

  return async (work, { signal, isPreferred = false, beforeStart } = {}) => {
    const queue = isPreferred ? preferred : others
    if (running < maxConcurrent) running++
    else if (queue.length >= maxQueued) {
      throw new DomainError('unavailable', 'Too many sign-ins at once, try again in a while')
    }
    // Work that ends passes its slot to the next in the queue, so `running` stays the same.
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      if (signal?.aborted === true) throw new DomainError('unavailable', 'The client is gone')
      beforeStart?.()
      return await work()
    } finally {
      const next = preferred.shift() ?? others.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
