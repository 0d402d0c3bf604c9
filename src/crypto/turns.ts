import { DomainError } from '../domain/errors'

/**
 * Runs work in order of asking, at most so many at once. Throws `unavailable` when too many wait, or when
 * the signal says at its turn that nobody waits for it any more.
 */
export type Turns = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>

export function createTurns(most: number, mostWaiting: number): Turns {
  const waiting: (() => void)[] = []
  let running = 0

  return async (work, signal) => {
    if (running < most) running++
    else if (waiting.length >= mostWaiting) {
      throw new DomainError('unavailable', 'Too many sign-ins at once, try again in a while')
    }
    // Whoever ends hands its place on, so that nobody slips in between.
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      if (signal?.aborted === true) throw new DomainError('unavailable', 'The client is gone')
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
