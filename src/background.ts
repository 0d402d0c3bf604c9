/**
 * Background loops: one way to start, wake and stop them, and one policy for what goes wrong in them. A round that
 * fails never ends its loop.
 */
import { DomainError } from './domain/errors'
import { sleep, type Wait, withTimeout } from './domain/runtime'
import type { Log } from './log'

export interface LoopOptions {
  /** What failed, as the log says it: "the backup schedule" failed. */
  readonly name: string
  readonly wait: Wait
  readonly log: Log
  /** Milliseconds before the first round. */
  readonly initialDelay?: number
  /** Milliseconds between a round that failed and the next one. */
  readonly retryDelay: number
  /** Level of expected failures, which are DomainErrors. */
  readonly expectedLevel?: 'warn' | 'error'
  /** What the stop does after the last round. It may fail as a round may. */
  readonly onStop?: () => Promise<void>
}

export interface Loop {
  /** Starts the next round now, or right after the one that runs. */
  wake(): void
  /**
   * Starts no further round and waits for the one that runs, and for `onStop`, for at most `timeout` milliseconds.
   * Returns false when they are still running then.
   */
  stop(timeout?: number): Promise<boolean>
}

/**
 * Runs rounds one after the other until it is stopped. `round` returns the milliseconds until the next one.
 *
 * A DomainError is logged once, until a round succeeds again or fails for another reason. Anything else is a bug: it is
 * logged whole, with its stack, and also once. Either way the next round follows. After the stop an AbortError is the
 * work of the signal and not logged.
 */
export function startLoop(
  options: LoopOptions,
  round: (signal: AbortSignal) => Promise<number>,
): Loop {
  const { wait } = options
  const stopping = new AbortController()
  let waking = new AbortController()
  const report = createFailureReporter(options)

  const pause = async (milliseconds: number): Promise<void> => {
    if (milliseconds > 0) {
      await sleep(wait, milliseconds, AbortSignal.any([waking.signal, stopping.signal]))
    }
    if (waking.signal.aborted) waking = new AbortController()
  }

  /** Returns what `work` returns, or null when it fails. */
  const attempt = async <T>(work: () => Promise<T>): Promise<T | null> => {
    try {
      const result = await work()
      report(null)
      return result
    } catch (error) {
      if (!stopping.signal.aborted || !isAbort(error)) report(error)
      return null
    }
  }

  const run = async (): Promise<void> => {
    await pause(options.initialDelay ?? 0)
    while (!stopping.signal.aborted) {
      await pause((await attempt(() => round(stopping.signal))) ?? options.retryDelay)
    }
    if (options.onStop !== undefined) await attempt(options.onStop)
  }
  const running = run()

  return {
    wake: () => waking.abort(),
    async stop(timeout) {
      stopping.abort()
      const ended = running.then(() => true)
      if (timeout === undefined) return await ended
      return await withTimeout({ wait, timeout, onTimeout: () => false }, ended)
    },
  }
}

/** Returns a function that logs each failure once, until it gets another failure or, after a success, null. */
function createFailureReporter({ name, log, expectedLevel = 'warn' }: LoopOptions) {
  let reported: string | null = null
  return (error: unknown): void => {
    const reason = error === null ? null : String(error)
    if (reason === reported) return
    reported = reason
    if (error === null) return
    const message = `${name} failed`
    if (!(error instanceof DomainError)) log.error(message, error)
    else {
      const fields = { reason: error.message, ...(error.hint !== null && { hint: error.hint }) }
      if (expectedLevel === 'warn') log.warn(message, fields)
      else log.error(message, undefined, fields)
    }
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
