import { DomainError } from '../domain/errors'

/** Runs work in order of asking, at most so many at once. Throws `unavailable` when too many wait. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>

export function createTurns(most: number, mostWaiting: number): Turns {
  const waiting: (() => void)[] = []
  let running = 0

  return async (work) => {
    if (running < most) running++
    else if (waiting.length >= mostWaiting) {
      throw new DomainError('unavailable', 'Too many sign-ins at once, try again in a while')
    }
    // Whoever ends hands its place on, so that nobody slips in between.
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
