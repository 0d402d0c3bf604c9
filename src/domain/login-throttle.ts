import { blockOf, isIpv6, networkOf } from './address'
import { createDistinctCounter, requireNotLimited } from './distinct-counter'
import { DomainError } from './errors'
import {
  accountShareOfBlock,
  blockLimit,
  type RateLimitName,
  type RateLimits,
  rateLimitNames,
} from './rate-limits'
import type { MonotonicClock } from './runtime'

/** Credentials that a client tries. */
export interface LoginAttempt {
  /** In lower case. */
  readonly email: string
  readonly masterPasswordHash: string
  /** Null if unknown. All unknown addresses count as one. */
  readonly address: string | null
  /** Whether the account was signed in to from that network before. */
  readonly isKnown: boolean
}

/** Limits guessing of passwords. Existing and unknown accounts are counted alike. */
export interface LoginThrottle {
  /**
   * Runs `check`, which returns whether the credentials are right, and counts wrong ones. Throws `rate_limited` after too
   * many wrong ones, `unavailable` if too many checks from one network wait.
   *
   * Only distinct wrong credentials count, because clients repeat the same ones dozens of times (contract). From a network
   * that has signed in to the account before, right credentials pass although the account is locked out, up to a separate
   * limit: attackers elsewhere can't lock the owner out, and an attacker in the owner's network is limited too.
   *
   * `check` must call `checkLimit` right before its work. It throws `rate_limited` if other attempts have reached the limit
   * in the meantime.
   */
  check(
    attempt: LoginAttempt,
    check: (checkLimit: () => void) => Promise<boolean>,
  ): Promise<boolean>
}

/** A limit, and the seconds for which it is still reached. */
type Lockout = readonly [limit: keyof RateLimits, seconds: number]

/**
 * Maximum number of checks from one network that wait or run, so that one network can't fill the whole queue. Checks from a
 * network that an account knows are counted by account and network, so that its neighbours can't use up the owner's share.
 */
const maxPerNetwork = 32

export function createLoginThrottle(deps: {
  limits: RateLimits
  monotonicClock: MonotonicClock
  /** Returns a short text for a text, which can't be computed without this process's key. */
  digest: (text: string) => string
  /** Called for each distinct wrong guess. */
  onGuess: (address: string | null) => void
  /** Called for each refusal, with the limit that was reached. */
  onLimited?: ((limit: RateLimitName) => void) | undefined
}): LoginThrottle {
  const { limits, monotonicClock: clock, digest, onLimited } = deps
  const byPair = createDistinctCounter(limits.guesses, clock, { hasBackoff: true })
  const byKnownPair = createDistinctCounter(limits.accountGuesses, clock)
  const byAccount = createDistinctCounter(limits.accountGuesses, clock)
  const byAccountAndBlock = createDistinctCounter(accountShareOfBlock(limits.accountGuesses), clock)
  const byNetwork = createDistinctCounter(limits.guessedAccounts, clock)
  const byBlock = createDistinctCounter(blockLimit(limits.guessedAccounts), clock)
  /** Number of checks that wait or run, by network or by known pair of account and network. */
  const runningChecks = new Map<string, { count: number }>()
  /** When the last check of each pair ends. */
  const lastChecks = new Map<string, Promise<void>>()

  /** Runs the checks of one pair one after another, so that each sees what the ones before have counted. */
  async function runSerialized<T>(
    concurrencyKey: string,
    pair: string,
    work: () => Promise<T>,
  ): Promise<T> {
    const running = runningChecks.get(concurrencyKey) ?? { count: 0 }
    if (running.count >= maxPerNetwork) {
      throw new DomainError('unavailable', 'Too many sign-ins at once, try again in a while')
    }
    running.count++
    runningChecks.set(concurrencyKey, running)
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
      running.count--
      if (running.count === 0) runningChecks.delete(concurrencyKey)
    }
  }

  /** Throws `rate_limited` for the longest of several lockouts. */
  function requireNoLockout(lockouts: readonly Lockout[]): void {
    const longest = lockouts.reduce((one, other) => (other[1] > one[1] ? other : one))
    if (longest[1] > 0) onLimited?.(rateLimitNames[longest[0]])
    requireNotLimited(longest[1])
  }

  return {
    async check({ email, masterPasswordHash, address, isKnown }, check) {
      const [network, block] = [networkOf(address), blockOf(address)]
      const account = digest(email)
      const pair = `${account} ${network}`
      const share = `${account} ${block}`
      const lockouts = (): readonly Lockout[] => [
        ['guesses', byPair.secondsLeft(pair)],
        ['accountGuesses', byAccount.secondsLeft(account)],
        ['accountGuesses', byAccountAndBlock.secondsLeft(share)],
        ['guessedAccounts', byNetwork.secondsLeft(network)],
        ['guessedAccounts', isIpv6(address) ? byBlock.secondsLeft(block) : 0],
      ]
      const secondsLeft = () => Math.max(...lockouts().map(([, seconds]) => seconds))
      const checkLimit = () =>
        requireNoLockout(isKnown ? [['accountGuesses', byKnownPair.secondsLeft(pair)]] : lockouts())

      checkLimit()
      return await runSerialized(isKnown ? pair : network, pair, async () => {
        checkLimit()
        const isLockedOut = secondsLeft() > 0
        if (await check(checkLimit)) return true

        const guess = digest(`${email}\n${masterPasswordHash}`)
        const isNewGuess = isKnown && byKnownPair.add(pair, guess)
        if (isLockedOut && isNewGuess) deps.onGuess(address)
        // While the account is locked out, wrong credentials from a known network get the same answer as others.
        if (isLockedOut)
          requireNoLockout(lockouts().map(([limit, seconds]) => [limit, Math.max(1, seconds)]))
        if (byPair.add(pair, guess)) deps.onGuess(address)
        byAccount.add(account, guess)
        byAccountAndBlock.add(share, guess)
        byNetwork.add(network, account)
        if (isIpv6(address)) byBlock.add(block, account)
        return false
      })
    },
  }
}

/** Limits nothing: for operators who limit logins in front of the server, and for tests. */
export const unlimitedLogins: LoginThrottle = { check: (_, check) => check(() => {}) }
