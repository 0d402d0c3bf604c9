import { DomainError } from '../domain/errors'
import type { Wait } from '../domain/runtime'
import { engineFault } from '../engine/faults'

/** How long to wait before the next attempt, in milliseconds. */
const retryDelay = 50

/**
 * Runs a transaction, and retries it while that can help and is safe. Throws a DomainError where it can't: `storage_full` for
 * a full disk, `unavailable` for everything else that is wrong with the database. Errors of the work itself pass unchanged.
 *
 * - Retried: the database is busy, unreachable, or rolled the transaction back because of a conflict.
 * - Never retried: a transaction that was committing when the error came, for it may have been committed. `attempt` must call
 *   `committing` right before its commit. The exception is an engine that reports that it rolled the transaction back.
 * - After `timeout` milliseconds the caller gets `unavailable`. The attempt that is still running is left to the timeouts of
 *   the engine; `committing` then throws, so it never commits.
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

function unavailableError(cause: unknown): DomainError {
  return new DomainError('unavailable', 'The database is not responding', { cause })
}
