import type { Clock, Wait } from '../../src/domain/runtime'
import { until } from './until'

/**
 * Time in which a test ends each wait of a loop, after it has seen how long it is. For one loop that waits for other programs
 * or the disk in between, where nothing else tells that it is done.
 */
export function steppedTiming(start: number): {
  clock: Clock
  wait: Wait
  /** Sets the clock. Ends no wait. */
  setClock(time: number): void
  /** Returns the length of the wait that lasts, or of the next one, in milliseconds. */
  nextWait(): Promise<number>
  /** Ends the wait, once the clock has been advanced by its length or by these milliseconds. */
  endWait(milliseconds?: number): void
} {
  let now = start
  let current: { length: number; end: () => void } | null = null
  return {
    clock: () => now,
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
      now += milliseconds ?? current.length
      const { end } = current
      current = null
      end()
    },
  }
}
