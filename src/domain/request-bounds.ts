import { DomainError } from './errors'
import { type MonotonicClock, type Wait, withTimeout } from './runtime'

/**
 * Milliseconds from the last byte of a request to its answer, at most. The contract asks for 8 s, since Android gives up after
 * 10 s: the rest is for the network and for what is done after the deadline.
 */
export const answerTimeout = 7_500

/** What bounds the work on a request. */
export interface RequestBounds {
  /** When the answer has to be there, in milliseconds on the monotonic clock. */
  readonly deadline: number
  /** Whether the client is gone, so that nobody would hear the answer. */
  readonly isAbandoned: boolean
}

/** Throws `unavailable` if the client is gone. */
export function requireListener(bounds: RequestBounds | undefined): void {
  if (bounds?.isAbandoned === true) throw goneError()
}

export function goneError(): DomainError {
  return new DomainError('unavailable', 'The client is gone')
}

/**
 * Returns what `work` resolves to. Throws what `onTimeout` throws at the deadline: `unavailable` by default. Late work continues,
 * and its result is ignored: it must change nothing after the deadline, which the store sees to if it has the bounds too.
 */
export async function withDeadline<T>(
  {
    wait,
    monotonicClock,
    onTimeout = throwTooBusy,
  }: { wait: Wait; monotonicClock: MonotonicClock; onTimeout?: () => never },
  bounds: RequestBounds | undefined,
  work: Promise<T>,
): Promise<T> {
  if (bounds === undefined || bounds.deadline === Number.POSITIVE_INFINITY) return await work
  const timeout = Math.max(0, bounds.deadline - monotonicClock())
  return await withTimeout({ wait, timeout, onTimeout }, work)
}

/**
 * Returns what `turn` resolves to: the turn of somebody who waits in a queue. Throws as `withDeadline` if the deadline comes first.
 * `leave` removes the waiting one from the queue; it returns false if it is no longer there, since its turn, or its end, came in
 * the same moment.
 */
export async function waitForTurn<T>(
  timing: Parameters<typeof withDeadline>[0],
  bounds: RequestBounds | undefined,
  { turn, leave }: { turn: Promise<T>; leave: () => boolean },
): Promise<T> {
  return await withDeadline(timing, bounds, turn).catch((error: unknown) => {
    if (leave()) throw error
    return turn
  })
}

/** Returns the error for a sign-in or sign-up that would be answered too late. */
export function tooBusy(): DomainError {
  return new DomainError('unavailable', 'Too many sign-ins at once, try again in a while')
}

export function throwTooBusy(): never {
  throw tooBusy()
}
