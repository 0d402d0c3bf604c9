import type { Clock, MonotonicClock, Wait } from '../../src/domain/runtime'
import { until } from './until'

/**
 * Time in which a test ends each wait of a loop, after it has seen how long it is. For one loop that waits for other programs
 * or the disk in between, where nothing else tells that it is done.
 */
export function steppedTiming(start: number): {
  clock: Clock
  /** Advances with the waits alone. */
  monotonicClock: MonotonicClock
  wait: Wait
  /** Sets the clock. Ends no wait. */
  setClock(time: number): void
  /** Returns the length of the wait that lasts, or of the next one, in milliseconds. */
  nextWait(): Promise<number>
  /** Ends the wait, once the clock has been advanced by its length or by these milliseconds. */
  endWait(milliseconds?: number): void
} {
  let now = start
  let waited = 0
  let current: { length: number; end: () => void } | null = null
  return {
    clock: () => now,
    monotonicClock: () => waited,
    wait: (length, signal) =>
      new Promise((resolve, reject) => {
        if (current !== null) throw new Error('two waits at once')
        current = { length, end: resolve }
        signal?.addEventListener('abort', () => {
          current = null
          reject(signal.reason)
        })
      }),
    setClock(time) {
      now = time
    },
    nextWait: async () => (await until(() => current, 'the next wait', { interval: 1 })).length,
    endWait(milliseconds) {
      if (current === null) throw new Error('nothing waits')
      const passed = milliseconds ?? current.length
      now += passed
      waited += passed
      const { end } = current
      current = null
      end()
    },
  }
}
