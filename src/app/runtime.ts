import { setTimeout } from 'node:timers/promises'
import type { Clock, MonotonicClock, Random, Wait } from '../domain/runtime'

/** Time and randomness of the system. Tests replace it. */
export interface Runtime {
  readonly clock: Clock
  readonly monotonicClock: MonotonicClock
  readonly random: Random
  readonly wait: Wait
}

/** The clocks, the randomness and the timers of the system. */
export const systemRuntime: Runtime = {
  clock: Date.now,
  monotonicClock: () => performance.now(),
  random: (count) => crypto.getRandomValues(new Uint8Array(count)),
  wait: (milliseconds, signal) => setTimeout(milliseconds, undefined, { signal }),
}
