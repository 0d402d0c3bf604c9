import { networkOf } from './address'
import { createDistinctCounter, requireNotLimited } from './distinct-counter'
import { DomainError } from './errors'
import type { RateLimits } from './rate-limits'
import type { Clock } from './runtime'

/** Credentials that somebody tries. */
export interface LoginAttempt {
  /** Lower-cased. */
  readonly email: string
  readonly masterPasswordHash: string
  /** Null where nobody can tell: all of those are one. */
  readonly address: string | null
  /** Whether somebody has signed in to that account from that network before. */
  readonly isKnown: boolean
}

/** What keeps people from guessing. Accounts that are there and those that are not are counted alike. */
export interface LoginThrottle {
  /**
   * Does the check of credentials, unless there were too many wrong ones: throws `rate_limited` then, and `unavailable`
   * when too many of one network wait for theirs. `check` answers whether they are right; a wrong answer counts.
   *
   * A client repeats wrong credentials dozens of times (contract), so only distinct ones count. Where somebody has signed
   * in before, right ones pass although others have guessed too often, up to a bound of its own: nobody elsewhere can lock
   * the owner out, and whoever guesses from the owner's network does not go on for ever.
   *
   * `check` calls `admit` right before its work, which throws when others have used the limit up meanwhile.
   */
  check(
    attempt: LoginAttempt,
    check: (checkLimit: () => void) => Promise<boolean>,
  ): Promise<boolean>
}

/**
 * Checks of one network that may wait for their turn: a part of the queue, so that others have the rest. Those of an owner's
 * own network are counted apart, so that nobody there can take their places.
 */
const maxPerNetwork = 32

export function createLoginThrottle(deps: {
  limits: RateLimits
  clock: Clock
  /** Names a text by a short one, which nobody else can compute. */
  digest: (text: string) => string
  /** Told of each distinct wrong one. */
  onGuess: (address: string | null) => void
}): LoginThrottle {
  const { limits, clock, digest } = deps
  const ofPair = createDistinctCounter(limits.guesses, clock, { hasBackoff: true })
  const ofKnownPair = createDistinctCounter(limits.accountGuesses, clock)
  const ofAccount = createDistinctCounter(limits.accountGuesses, clock)
  const ofNetwork = createDistinctCounter(limits.guessedAccounts, clock)
  /** Checks under way, by network or by known pair. */
  const runningChecks = new Map<string, number>()
  /** The end of the last one under way, by pair. */
  const lastChecks = new Map<string, Promise<void>>()

  /** One after another for each pair, so that the next one meets what the last one counted. */
  async function runSerialized<T>(
    concurrencyKey: string,
    pair: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const before = runningChecks.get(concurrencyKey) ?? 0
    if (before >= maxPerNetwork) {
      throw new DomainError('unavailable', 'Too many sign-ins at once, try again in a while')
    }
    runningChecks.set(concurrencyKey, before + 1)
    const result = (lastChecks.get(pair) ?? Promise.resolve()).then(work)
    const ended = result.then(
      () => {},
      () => {},
    )
    lastChecks.set(pair, ended)
    try {
      return await result
    } finally {
      if (lastChecks.get(pair) === ended) lastChecks.delete(pair)
      const left = (runningChecks.get(concurrencyKey) ?? 1) - 1
      if (left === 0) runningChecks.delete(concurrencyKey)
      else runningChecks.set(concurrencyKey, left)
    }
  }

  return {
    async check({ email, masterPasswordHash, address, isKnown }, check) {
      const network = networkOf(address)
      const account = digest(email)
      const pair = `${account} ${network}`
      const secondsLeft = () =>
        Math.max(
          ofPair.secondsLeft(pair),
          ofAccount.secondsLeft(account),
          ofNetwork.secondsLeft(network),
        )
      const checkLimit = () =>
        requireNotLimited(isKnown ? ofKnownPair.secondsLeft(pair) : secondsLeft())

      checkLimit()
      return await runSerialized(isKnown ? pair : network, pair, async () => {
        checkLimit()
        const isLockedOut = secondsLeft() > 0
        if (await check(checkLimit)) return true

        const guess = digest(`${email}\n${masterPasswordHash}`)
        const isNewThere = isKnown && ofKnownPair.add(pair, guess)
        if (isLockedOut && isNewThere) deps.onGuess(address)
        // Of those that were let in all the same, the wrong ones hear what the others do.
        if (isLockedOut) requireNotLimited(Math.max(1, secondsLeft()))
        if (ofPair.add(pair, guess)) deps.onGuess(address)
        ofAccount.add(account, guess)
        ofNetwork.add(network, account)
        return false
      })
    },
  }
}

/** Counts nothing and keeps nobody out: for operators who have another guard before the server, and for tests. */
export const unlimitedLogins: LoginThrottle = { check: (_, check) => check(() => {}) }
