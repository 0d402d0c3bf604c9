import { createDeadlines } from '../domain/deadlines'
import { DomainError } from '../domain/errors'
import { answerTimeout, type RequestBounds } from '../domain/request-bounds'
import type { MonotonicClock, Wait } from '../domain/runtime'
import { engineFault } from '../engine/faults'

/** How long to wait before the next attempt, in milliseconds. */
const retryDelay = 50

/** How long a transaction is retried while the database has been away for longer than a request can wait, in milliseconds. */
const awayTimeout = 1_000

interface RetryOptions {
  /** How long to retry, in milliseconds. */
  readonly timeout?: number
  /** Of the request that the transaction is for. */
  readonly bounds?: RequestBounds | undefined
}

/**
 * Runs a transaction, and retries it while that is safe and may help.
 *
 * - Retried: the database is busy or unreachable, or rolled the transaction back because it conflicts with another one.
 * - Never retried: a transaction whose commit had started when the error came. It may have been committed. `attempt`
 *   must call `committing` right before its commit. If the engine reports that it rolled the transaction back, that is
 *   certain, and it is retried after all.
 * - When its time is up, the caller gets an error. The attempt that is still running is left to the timeouts of the engine;
 *   `committing` then throws, so it never commits.
 *
 * Throws `unavailable` if a retry is not possible or the time is up, the database is damaged, or a right is missing; and
 * `storage_full` if the disk is full. All other errors pass unchanged.
 */
export type WithRetries = <T>(
  attempt: (committing: () => void) => Promise<T>,
  options?: RetryOptions,
) => Promise<T>

/**
 * Returns `WithRetries` for one kind of transaction on one database. All of them share how long the database has been away: the
 * requests of the first seconds wait for it, later ones only shortly. With `canHang`, an attempt may take any time, and its caller
 * gets an error when the time is up; otherwise the time counts between attempts.
 */
export function createRetries({
  wait,
  monotonicClock,
  canHang,
  onRetry,
}: {
  wait: Wait
  monotonicClock: MonotonicClock
  canHang: boolean
  /** Called before each further attempt. */
  onRetry?: () => void
}): WithRetries {
  const deadlines = createDeadlines({ wait, monotonicClock })
  /** Since when no transaction has had an answer from the database; null while it answers. */
  let awaySince: number | null = null

  function limitOf(start: number, { timeout = answerTimeout, bounds }: RetryOptions): number {
    const whileAway =
      awaySince === null ? timeout : Math.max(awayTimeout, awaySince + answerTimeout - start)
    return (
      start + Math.min(timeout, whileAway, (bounds?.deadline ?? Number.POSITIVE_INFINITY) - start)
    )
  }

  return async <T>(
    attempt: (committing: () => void) => Promise<T>,
    options: RetryOptions = {},
  ): Promise<T> => {
    const start = monotonicClock()
    const limit = limitOf(start, options)
    if (limit <= start) throw unavailableError(undefined)
    let lastError: unknown
    let isTimedOut = false
    const onTimeout = () => {
      isTimedOut = true
      awaySince ??= start
      return unavailableError(lastError)
    }

    const runAttempts = async (): Promise<T> => {
      for (;;) {
        let isCommitting = false
        try {
          const result = await attempt(() => {
            if (isTimedOut) throw unavailableError(lastError)
            isCommitting = true
          })
          awaySince = null
          return result
        } catch (error) {
          lastError = error
          const fault = engineFault(error)
          if (fault === 'busy' || fault === 'unreachable') awaySince ??= start
          else awaySince = null
          if (fault === 'full') throw storageFullError(error)
          if (fault === 'damaged' || fault === 'denied') throw unavailableError(error)
          if (fault !== 'busy' && fault !== 'aborted' && fault !== 'unreachable') throw error
          const wasRolledBack = !isCommitting || fault === 'aborted'
          if (!wasRolledBack || isTimedOut) throw unavailableError(error)
          await wait(retryDelay)
          if (!canHang && monotonicClock() >= limit) throw onTimeout()
          onRetry?.()
        }
      }
    }
    return await (canHang
      ? deadlines.race(runAttempts(), { timeout: limit - start, onTimeout })
      : runAttempts())
  }
}

export function storageFullError(cause?: unknown): DomainError {
  return new DomainError('storage_full', 'No space is left for new data', {
    hint: 'free space on the disk of the database',
    cause,
  })
}

/** Returns the error for a database that can't be used now. Clients see its text; `cause` is for the log. */
export function unavailableError(cause: unknown): DomainError {
  return new DomainError('unavailable', 'The database is not responding', { cause })
}
