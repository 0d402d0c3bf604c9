import type { MonotonicClock } from '../domain/runtime'
import type { EngineFault } from '../engine/fault-kind'
import { engineFault } from '../engine/faults'
import { storageFullError, unavailableError } from './retries'

/** Milliseconds between two attempts to write while writes fail. */
const retryInterval = 5_000

/** Milliseconds after a write that succeeded for which the next one counts on it. */
const trustedFor = 10 * 60_000

/** Faults that say that writing is not possible. The others are about one transaction. */
const tellingFaults: ReadonlySet<EngineFault> = new Set([
  'unreachable',
  'damaged',
  'denied',
  'full',
])

/** How the last write ended, which tells whether the next one will succeed. */
export interface WriteState {
  /** To be called with the outcome of every write. An error that says nothing about writing is ignored. */
  succeeded(): void
  failed(error: unknown): void
  /** Whether the last write failed. */
  readonly isFailing: boolean
  /** Whether it failed because no space was left. */
  readonly wasFull: boolean
  /**
   * Returns whether to write now, to learn how that ends: after a failure or a long time. Counts as the attempt. Throws the
   * failure of the last write if it is too early for another one.
   */
  claimAttempt(): boolean
}

/** `onChange` is called with why writes fail, and with null when they succeed again. */
export function createWriteState(
  now: MonotonicClock,
  onChange: (reason: Error | null) => void,
): WriteState {
  let failure: { readonly error: Error; readonly isFull: boolean } | null = null
  let lastAttempt = Number.NEGATIVE_INFINITY

  return {
    succeeded() {
      lastAttempt = now()
      if (failure === null) return
      failure = null
      onChange(null)
    },
    failed(error) {
      const fault = engineFault(error)
      if (!(error instanceof Error) || fault === null || !tellingFaults.has(fault)) return
      lastAttempt = now()
      const wasFailing = failure !== null
      failure = { error, isFull: fault === 'full' }
      if (!wasFailing) onChange(error)
    },
    get isFailing() {
      return failure !== null
    },
    get wasFull() {
      return failure?.isFull === true
    },
    claimAttempt() {
      const age = now() - lastAttempt
      if (age >= (failure === null ? trustedFor : retryInterval)) {
        lastAttempt = now()
        return true
      }
      if (failure === null) return false
      throw failure.isFull ? storageFullError(failure.error) : unavailableError(failure.error)
    },
  }
}
