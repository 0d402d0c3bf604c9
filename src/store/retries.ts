import { DomainError } from '../domain/errors'
import type { Wait } from '../domain/runtime'
import { engineFault } from '../engine/faults'

/** How long to wait before the next attempt, in milliseconds. */
const retryDelay = 50

/**
 * Runs a transaction, and retries it while that is safe and may help.
 *
 * - Retried: the database is busy or unreachable, or rolled the transaction back because it conflicts with another one.
 * - Never retried: a transaction whose commit had started when the error came. It may have been committed. `attempt`
 *   must call `committing` right before its commit. If the engine reports that it rolled the transaction back, that is
 *   certain, and it is retried after all.
 * - After `timeout` milliseconds the caller gets an error. The attempt that is still running is left to the timeouts of
 *   the engine; `committing` then throws, so it never commits.
 *
 * Throws `unavailable` if a retry is not possible or the time is up, the database is damaged, or a right is missing; and
 * `storage_full` if the disk is full. All other errors pass unchanged.
 */
export async function withRetries<T>(
  { wait, timeout }: { wait: Wait; timeout: number },
  attempt: (committing: () => void) => Promise<T>,
): Promise<T> {
  // Every transaction passes through here. `withTimeout` would add a microsecond to each of them.
  const timer = new AbortController()
  let isTimedOut = false
  let rejectLimit: (error: unknown) => void = () => {}
  const limit = new Promise<never>((_, reject) => {
    rejectLimit = reject
  })
  let lastError: unknown
  wait(timeout, timer.signal).then(
    () => {
      isTimedOut = true
      rejectLimit(unavailableError(lastError))
    },
    // The transaction ended in time.
    () => {},
  )

  const runAttempts = async (): Promise<T> => {
    for (;;) {
      let isCommitting = false
      try {
        return await attempt(() => {
          if (isTimedOut) throw unavailableError(lastError)
          isCommitting = true
        })
      } catch (error) {
        lastError = error
        const fault = engineFault(error)
        if (fault === 'full') throw storageFullError(error)
        if (fault === 'damaged' || fault === 'denied') throw unavailableError(error)
        if (fault !== 'busy' && fault !== 'aborted' && fault !== 'unreachable') throw error
        const wasRolledBack = !isCommitting || fault === 'aborted'
        if (!wasRolledBack || isTimedOut) throw unavailableError(error)
        await wait(retryDelay)
      }
    }
  }
  const running = runAttempts()
  // After the timeout nothing else handles its rejection.
  running.catch(() => {})
  try {
    return await Promise.race([running, limit])
  } finally {
    timer.abort()
  }
}

export function storageFullError(cause?: unknown): DomainError {
  return new DomainError('storage_full', 'No space is left for new data', { cause })
}

/** Returns the error for a database that can't be used now. Clients see its text; `cause` is for the log. */
export function unavailableError(cause: unknown): DomainError {
  return new DomainError('unavailable', 'The database is not responding', { cause })
}
