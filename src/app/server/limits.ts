import type { Settings } from '../../config/settings'
import { createDigest } from '../../crypto/digest'
import {
  createLoginThrottle,
  type LoginThrottle,
  unlimitedLogins,
} from '../../domain/login-throttle'
import {
  createRateLimiter,
  type RateLimiter,
  unlimitedRateLimiter,
} from '../../domain/rate-limiter'
import type { RateLimitName } from '../../domain/rate-limits'
import type { Log } from '../../log'
import type { Runtime } from '../runtime'

/** The rate limits of this server. They are in memory: each of several servers counts for itself. */
export interface RateLimiters {
  readonly loginThrottle: LoginThrottle
  readonly signUps: RateLimiter
  readonly confirmations: RateLimiter
}

export function createRateLimiters(
  { rateLimits }: Settings,
  { monotonicClock, random }: Runtime,
  { log, onLimited }: { log: Log; onLimited: ((limit: RateLimitName) => void) | undefined },
): RateLimiters {
  if (rateLimits === 'off') {
    return {
      loginThrottle: unlimitedLogins,
      signUps: unlimitedRateLimiter,
      confirmations: unlimitedRateLimiter,
    }
  }
  return {
    loginThrottle: createLoginThrottle({
      limits: rateLimits,
      monotonicClock,
      digest: createDigest(random),
      // One line for each distinct guess, not for each repetition: fail2ban counts these lines.
      // The filter in docs/network.md expects this text: it is fixed.
      onGuess: (address) => log.security('wrong credentials', { address: address ?? '-' }),
      onLimited,
    }),
    signUps: createRateLimiter(rateLimits.signUps, monotonicClock, () => onLimited?.('sign-ups')),
    confirmations: createRateLimiter(rateLimits.confirmations, monotonicClock, () =>
      onLimited?.('confirmations'),
    ),
  }
}
