/**
 * Waits until a condition holds, and returns what it returned. Throws an error that names what did not come: `what` continues
 * the words "waiting for". The limit is generous, for only failing tests wait that long. The test's own limit must be longer.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  { timeout = 60_000, interval = 10 }: { timeout?: number; interval?: number } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const end = performance.now() + timeout
  for (;;) {
    const found = await condition()
    if (isTrue(found)) return found
    if (performance.now() >= end)
      throw new Error(`timed out after ${timeout} ms waiting for ${what}`)
    await Bun.sleep(interval)
  }
}

function isTrue<T>(found: T): found is Exclude<T, false | null | undefined> {
  return found !== false && found !== null && found !== undefined
}
