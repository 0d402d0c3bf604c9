/**
 * A value that is there at once, or has to be waited for. Promises are cheap, but not for what each request of a client asks: there,
 * a value that is known passes without one.
 */
export type Awaitable<T> = T | Promise<T>

/** Returns what `next` makes of a value. Throws what `next` throws; the promise rejects if the value had to be waited for. */
export function andThen<T, Next>(
  value: Awaitable<T>,
  next: (value: T) => Awaitable<Next>,
): Awaitable<Next> {
  return value instanceof Promise ? value.then(next) : next(value)
}
