import { createTokens } from '../../src/crypto/tokens'
import type { Clock, MonotonicClock } from '../../src/domain/runtime'
import type { Tokens } from '../../src/domain/tokens'

/** Tokens that are valid for ten minutes, or for other times in seconds. Both clocks are one, unless a test has two. */
export function createTestTokens(
  key: Uint8Array,
  clock: Clock,
  {
    session = 600,
    confirmation = 600,
    monotonicClock = clock,
  }: { session?: number; confirmation?: number; monotonicClock?: MonotonicClock } = {},
): Tokens {
  return createTokens(key, { clock, monotonicClock, lifetimes: { session, confirmation } })
}
