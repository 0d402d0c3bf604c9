/** So many in so many seconds. */
export interface RateLimit {
  readonly max: number
  readonly seconds: number
}

/** What strangers may do, and how often. */
export interface RateLimits {
  /** Distinct wrong credentials of one account from one network. */
  readonly guesses: RateLimit
  /** Distinct wrong credentials of one account from everywhere; and from a network that has signed in to it before. */
  readonly accountGuesses: RateLimit
  /** Accounts, there or not, that one network has given wrong credentials of. */
  readonly guessedAccounts: RateLimit
  /** Sign-ups from one network. */
  readonly signUps: RateLimit
  /** Confirmation links from one network that were no good. */
  readonly confirmations: RateLimit
}

const minute = 60
const hour = 60 * minute

/** A household mistypes, moves in and shares one address; a guesser gets nowhere. */
export const defaultRateLimits: RateLimits = {
  guesses: { max: 10, seconds: 15 * minute },
  accountGuesses: { max: 100, seconds: hour },
  guessedAccounts: { max: 30, seconds: hour },
  signUps: { max: 20, seconds: hour },
  confirmations: { max: 60, seconds: hour },
}
