/** Returns what work rejects with, null if it resolves. Unlike `rejects`, it does not block the event loop. */
export function captureError(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  )
}
