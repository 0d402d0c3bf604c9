/** At most `max` within `seconds`. */
export interface RateLimit {
  readonly max: number
  readonly seconds: number
}

/**
 * How often clients may do what needs no session. `blockLimit` and `accountShareOfBlock` say what a block of networks may do
 * (`blockOf`).
 */
export interface RateLimits {
  /** Distinct wrong credentials for one account from one network. */
  readonly guesses: RateLimit
  /** Distinct wrong credentials for one account from all networks; also from one network that has signed in to it before. */
  readonly accountGuesses: RateLimit
  /** Accounts, existing or not, for which one network has sent wrong credentials. */
  readonly guessedAccounts: RateLimit
  /** Sign-ups from one network. */
  readonly signUps: RateLimit
  /** Invalid or expired confirmation links from one network. */
  readonly confirmations: RateLimit
}

/** The names of the limits for operators: in SNAILPASS_RATE_LIMITS, and in metrics. */
export const rateLimitNames = {
  guesses: 'guesses',
  accountGuesses: 'account-guesses',
  guessedAccounts: 'guessed-accounts',
  signUps: 'sign-ups',
  confirmations: 'confirmations',
} as const satisfies Readonly<Record<keyof RateLimits, string>>

export type RateLimitName = (typeof rateLimitNames)[keyof RateLimits]

const minute = 60
const hour = 60 * minute

/** Enough for a household behind one address that signs up and mistypes; far too few to guess a password. */
export const defaultRateLimits: RateLimits = {
  guesses: { max: 10, seconds: 15 * minute },
  accountGuesses: { max: 100, seconds: hour },
  guessedAccounts: { max: 30, seconds: hour },
  signUps: { max: 20, seconds: hour },
  confirmations: { max: 60, seconds: hour },
}

/**
 * Returns what one /48 may do of which one network may do `limit`. Its networks may belong to many households, or all to one
 * attacker.
 */
export function blockLimit({ max, seconds }: RateLimit): RateLimit {
  return { max: 4 * max, seconds }
}

/**
 * Returns how many of an account's guesses may come from one block of networks, so that those who have one block can't lock the
 * account out everywhere else. By default it is a little more than one network can use up alone, so that a neighbour of the
 * owner does not lock out the whole block either.
 */
export function accountShareOfBlock({ max, seconds }: RateLimit): RateLimit {
  return { max: Math.max(1, Math.floor(max / 3)), seconds }
}
