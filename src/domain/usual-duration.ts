import type { MonotonicClock } from './runtime'

/** How long a kind of work usually takes. */
export interface UsualDuration {
  /** Milliseconds: an average in which the last work that succeeded counts a quarter. `initial` before the first. */
  get(): number
  /** Returns what `work` resolves to, and counts how long it took if it succeeds. */
  measure<T>(work: () => Promise<T>): Promise<T>
}

export function createUsualDuration(monotonicClock: MonotonicClock, initial = 0): UsualDuration {
  let usual: number | null = null
  return {
    get: () => usual ?? initial,
    async measure(work) {
      const start = monotonicClock()
      const result = await work()
      const duration = monotonicClock() - start
      usual = usual === null ? duration : (3 * usual + duration) / 4
      return result
    },
  }
}
