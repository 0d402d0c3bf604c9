/** So many in so many seconds. */
export interface Limit {
  readonly most: number
  readonly seconds: number
}

/** What strangers may do, and how often. */
export interface RateLimits {
  /** Distinct wrong credentials of one account from one network. */
  readonly guesses: Limit
  /** Distinct wrong credentials of one account from everywhere; and from a network that has signed in to it before. */
  readonly accountGuesses: Limit
  /** Accounts, there or not, that one network has given wrong credentials of. */
  readonly guessedAccounts: Limit
  /** Sign-ups from one network. */
  readonly signUps: Limit
  /** Confirmation links from one network that were no good. */
  readonly confirmations: Limit
}

const minute = 60
const hour = 60 * minute

/** A household mistypes, moves in and shares one address; a guesser gets nowhere. */
export const defaultLimits: RateLimits = {
  guesses: { most: 10, seconds: 15 * minute },
  accountGuesses: { most: 100, seconds: hour },
  guessedAccounts: { most: 30, seconds: hour },
  signUps: { most: 20, seconds: hour },
  confirmations: { most: 60, seconds: hour },
}
