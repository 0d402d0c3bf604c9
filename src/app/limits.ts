import type { Settings } from '../config/settings'
import { createDigest } from '../crypto/digest'
import { createGuesses, type Guesses, unlimitedGuesses } from '../domain/guessing'
import { createQuota, type Quota, unlimitedQuota } from '../domain/quota'
import type { Log } from '../log'
import type { World } from './world'

/** What strangers are held to. Of this one server: each of several has its own. */
export interface Limits {
  readonly guesses: Guesses
  readonly signUps: Quota
  readonly confirmations: Quota
}

export function limitsOf({ rateLimits }: Settings, { clock, random }: World, log: Log): Limits {
  if (rateLimits === 'off') {
    return { guesses: unlimitedGuesses, signUps: unlimitedQuota, confirmations: unlimitedQuota }
  }
  return {
    guesses: createGuesses({
      limits: rateLimits,
      clock,
      digest: createDigest(random),
      // One line for each, whatever a client repeats: what reads the log may count them.
      onGuess: (address) => log.warn('wrong credentials', { address: address ?? '-' }),
    }),
    signUps: createQuota(rateLimits.signUps, clock),
    confirmations: createQuota(rateLimits.confirmations, clock),
  }
}
