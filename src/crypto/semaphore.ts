import { DomainError } from '../domain/errors'

export interface SemaphoreOptions {
  /** Aborted when nobody waits for the work any more. */
  readonly signal?: AbortSignal | undefined
  /** Whether it goes before others, and waits apart from them: a crowd of strangers does not keep it out. */
  readonly isPreferred?: boolean
  /** Called when the turn has come; throws when the work is not to be done any more. */
  readonly beforeStart?: () => void
}

/**
 * Runs work in order of asking, at most so many at once. Throws `unavailable` when too many wait, or when
 * the signal says at its turn that nobody waits for it any more.
 */
export type Semaphore = <T>(work: () => Promise<T>, options?: SemaphoreOptions) => Promise<T>

/** `mostWaiting` of each kind may wait. */
export function createSemaphore(maxConcurrent: number, maxQueued: number): Semaphore {
  const preferred: (() => void)[] = []
  const others: (() => void)[] = []
  let running = 0

  return async (work, { signal, isPreferred = false, beforeStart } = {}) => {
    const waiting = isPreferred ? preferred : others
    if (running < maxConcurrent) running++
    else if (waiting.length >= maxQueued) {
      throw new DomainError('unavailable', 'Too many sign-ins at once, try again in a while')
    }
    // Whoever ends hands its place on, so that nobody slips in between.
    else await new Promise<void>((resolve) => waiting.push(resolve))
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
