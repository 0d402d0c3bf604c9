/** The present, in milliseconds since 1970 (UTC). An argument, so that tests own the time. */
export type Clock = () => number

/** `count` unpredictable bytes. An argument, so that tests own the chance. */
export type Random = (count: number) => Uint8Array

/** Resolves after so many milliseconds; rejects when the signal ends the wait. An argument, so that tests do not sleep. */
export type Wait = (milliseconds: number, signal?: AbortSignal) => Promise<void>
