import type { Clock } from '../../src/domain/world'

/** Real chance: no test depends on what it gives. */
export const random = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count))

export interface FakeClock extends Clock {
  advance(milliseconds: number): void
}

/** A clock that stands still until it is told to go on. */
export function fakeClock(start: number = Date.UTC(2026, 10, 23, 16, 31, 4)): FakeClock {
  let now = start
  const advance = (milliseconds: number) => {
    now += milliseconds
  }
  return Object.assign(() => now, { advance })
}
