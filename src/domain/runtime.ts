/**
 * Time and randomness as arguments, and the few ways in which the program waits. No other code of the domain reads a clock
 * or sets a timer, so tests can control both.
 */

/** The current time in milliseconds since 1970 (UTC). It jumps when the clock of the machine is set. */
export type Clock = () => number

/**
 * Milliseconds since some moment. Never goes back, and nobody can set it: for limits, delays and ages in memory. On Linux it
 * stands still while the machine is suspended.
 */
export type MonotonicClock = () => number

/** Returns `count` unpredictable bytes. */
export type Random = (count: number) => Uint8Array

/** Resolves after the milliseconds. Rejects when the signal aborts. */
export type Wait = (milliseconds: number, signal?: AbortSignal) => Promise<void>

/** Returns a fraction from 0 to nearly 1, in 256 steps. */
export function randomFraction(random: Random): number {
  return (random(1)[0] ?? 0) / 256
}

/** Waits for the milliseconds, or until the signal aborts. Never rejects. */
export async function sleep(wait: Wait, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await wait(milliseconds, signal).catch(() => {})
}

/**
 * Returns what `work` resolves to, or what `onTimeout` returns or throws after `timeout` milliseconds. Late work
 * continues; its result and its errors are ignored.
 */
export async function withTimeout<T, U>(
  { wait, timeout, onTimeout }: { wait: Wait; timeout: number; onTimeout: () => U },
  work: Promise<T>,
): Promise<T | U> {
  const timer = new AbortController()
  // An aborted timer never wins: `work` has settled by then.
  const late = wait(timeout, timer.signal).then(onTimeout, () => work)
  try {
    return await Promise.race([work, late])
  } finally {
    timer.abort()
    for (const promise of [work, late]) promise.catch(() => {})
  }
}

/**
 * Calls `poll` at once and then every `interval` milliseconds until it returns something other than null, and returns
 * that. Returns null after `timeout` milliseconds of waiting. Rejects when the signal aborts a wait.
 */
export async function pollUntil<T>(
  options: { wait: Wait; timeout: number; interval: number; signal?: AbortSignal },
  poll: () => T | null | Promise<T | null>,
): Promise<T | null> {
  const { wait, timeout, interval, signal } = options
  for (let waited = 0; ; waited += interval) {
    const found = await poll()
    if (found !== null || waited >= timeout) return found
    await wait(interval, signal)
  }
}
