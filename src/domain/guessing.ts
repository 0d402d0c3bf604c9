import { networkOf } from './address'
import { createDistinctCounts, requirePatience } from './distinct-counts'
import { DomainError } from './errors'
import type { RateLimits } from './rate-limits'
import type { Clock } from './world'

/** Credentials that somebody tries. */
export interface Attempt {
  /** Lower-cased. */
  readonly email: string
  readonly masterPasswordHash: string
  /** Null where nobody can tell: all of those are one. */
  readonly address: string | null
  /** Whether somebody has signed in to that account from that network before. */
  readonly isKnown: boolean
}

/** What keeps people from guessing. Accounts that are there and those that are not are counted alike. */
export interface Guesses {
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
  check(attempt: Attempt, check: (admit: () => void) => Promise<boolean>): Promise<boolean>
}

/**
 * Checks of one network that may wait for their turn: a part of the queue, so that others have the rest. Those of an owner's
 * own network are counted apart, so that nobody there can take their places.
 */
const mostOfOneNetwork = 32

export function createGuesses(deps: {
  limits: RateLimits
  clock: Clock
  /** Names a text by a short one, which nobody else can compute. */
  digest: (text: string) => string
  /** Told of each distinct wrong one. */
  onGuess: (address: string | null) => void
}): Guesses {
  const { limits, clock, digest } = deps
  const ofPair = createDistinctCounts(limits.guesses, clock, { grows: true })
  const ofKnownPair = createDistinctCounts(limits.accountGuesses, clock)
  const ofAccount = createDistinctCounts(limits.accountGuesses, clock)
  const ofNetwork = createDistinctCounts(limits.guessedAccounts, clock)
  /** Checks under way, by network or by known pair. */
  const underWay = new Map<string, number>()
  /** The end of the last one under way, by pair. */
  const lastTurns = new Map<string, Promise<void>>()

  /** One after another for each pair, so that the next one meets what the last one counted. */
  async function inTurn<T>(share: string, pair: string, work: () => Promise<T>): Promise<T> {
    const before = underWay.get(share) ?? 0
    if (before >= mostOfOneNetwork) {
      throw new DomainError('unavailable', 'Too many sign-ins at once, try again in a while')
    }
    underWay.set(share, before + 1)
    const turn = (lastTurns.get(pair) ?? Promise.resolve()).then(work)
    const ended = turn.then(
      () => {},
      () => {},
    )
    lastTurns.set(pair, ended)
    try {
      return await turn
    } finally {
      if (lastTurns.get(pair) === ended) lastTurns.delete(pair)
      const left = (underWay.get(share) ?? 1) - 1
      if (left === 0) underWay.delete(share)
      else underWay.set(share, left)
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
      const admit = () => requirePatience(isKnown ? ofKnownPair.secondsLeft(pair) : secondsLeft())

      admit()
      return await inTurn(isKnown ? pair : network, pair, async () => {
        admit()
        const isShut = secondsLeft() > 0
        if (await check(admit)) return true

        const guess = digest(`${email}\n${masterPasswordHash}`)
        const isNewThere = isKnown && ofKnownPair.add(pair, guess)
        if (isShut && isNewThere) deps.onGuess(address)
        // Of those that were let in all the same, the wrong ones hear what the others do.
        if (isShut) requirePatience(Math.max(1, secondsLeft()))
        if (ofPair.add(pair, guess)) deps.onGuess(address)
        ofAccount.add(account, guess)
        ofNetwork.add(network, account)
        return false
      })
    },
  }
}

/** Counts nothing and keeps nobody out: for operators who have another guard before the server, and for tests. */
export const unlimitedGuesses: Guesses = { check: (_, check) => check(() => {}) }
