import { setTimeout } from 'node:timers/promises'
import type { Clock, Random, Wait } from '../domain/runtime'

/** What the program takes from outside besides its settings, so that a test can own it. */
export interface Runtime {
  readonly clock: Clock
  readonly random: Random
  readonly wait: Wait
}

export const systemRuntime: Runtime = {
  clock: Date.now,
  random: (count) => crypto.getRandomValues(new Uint8Array(count)),
  wait: (milliseconds, signal) => setTimeout(milliseconds, undefined, { signal }),
}
