/**
 * Waits until a condition holds, and returns what it returned. Fails with what did not come, so that a test that waits in vain
 * says for what. The limit is generous: it is there for tests that fail, not for slow machines.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  { timeout = 30_000, interval = 10 }: { timeout?: number; interval?: number } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const end = performance.now() + timeout
  for (;;) {
    const found = await condition()
    if (isTrue(found)) return found
    if (performance.now() >= end) throw new Error(`${what} did not come within ${timeout} ms`)
    await Bun.sleep(interval)
  }
}

function isTrue<T>(found: T): found is Exclude<T, false | null | undefined> {
  return found !== false && found !== null && found !== undefined
}
