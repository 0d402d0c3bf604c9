/** The present, in milliseconds since 1970 (UTC). An argument, so that tests own the time. */
export type Clock = () => number

/** `count` unpredictable bytes. An argument, so that tests own the chance. */
export type Random = (count: number) => Uint8Array

/** From 0 to nearly 1, in 256 steps. */
export function randomFraction(random: Random): number {
  return (random(1)[0] ?? 0) / 256
}

/** Resolves after so many milliseconds; rejects when the signal ends the wait. An argument, so that tests do not sleep. */
export type Wait = (milliseconds: number, signal?: AbortSignal) => Promise<void>
