import { DomainError } from '../domain/errors'
import { type MonotonicClock, type Wait, withTimeout } from '../domain/runtime'

/** Milliseconds for which a value counts as present. */
const maxAge = 60_000

/** Milliseconds that a caller waits for a read. The read goes on after that. */
const readTimeout = 1_000

/** Milliseconds from which a value is not told any more because reads fail or hang. */
const maxStaleAge = 300_000

/** A value that takes time to read, and may hang. */
export interface PeriodicRead<T> {
  /**
   * Returns the value as it was within the last minute; within the last five, if reading takes longer than a second or fails. Throws
   * why there is none. Only one read runs at a time.
   */
  get(): Promise<T>
}

export function createPeriodicRead<T>(
  { monotonicClock, wait }: { monotonicClock: MonotonicClock; wait: Wait },
  read: () => Promise<T>,
): PeriodicRead<T> {
  let last: { readonly value: T; readonly time: number } | null = null
  let running: Promise<T> | null = null
  const isWithin = (age: number) => last !== null && monotonicClock() - last.time < age

  async function readNow(): Promise<T> {
    const time = monotonicClock()
    try {
      const value = await read()
      last = { value, time }
      return value
    } finally {
      running = null
    }
  }

  return {
    async get() {
      if (last !== null && isWithin(maxAge)) return last.value
      running ??= readNow()
      const onTimeout = (): never => {
        throw new DomainError('unavailable', 'no answer within a second')
      }
      try {
        return await withTimeout({ wait, timeout: readTimeout, onTimeout }, running)
      } catch (error) {
        if (last !== null && isWithin(maxStaleAge)) return last.value
        throw error
      }
    },
  }
}
