import { describe, expect, test } from 'bun:test'
import { createRateLimiter, unlimitedRateLimiter } from '../../src/domain/rate-limiter'
import { accountShareOfBlock, defaultRateLimits } from '../../src/domain/rate-limits'
import { fakeClock } from '../support/timing'

function createTestLimiter(max = 2) {
  const clock = fakeClock()
  const limiter = createRateLimiter({ max, seconds: 60 }, clock)
  const isAllowed = (address: string | null) => {
    try {
      limiter.requireAllowed(address)
      return true
    } catch (error) {
      expect(error).toMatchObject({ code: 'rate_limited' })
      return false
    }
  }
  return { clock, limiter, isAllowed }
}

describe('a rate limiter', () => {
  test('counts uses, not checks, and refuses after exactly the maximum, for exactly the time', () => {
    const { clock, limiter, isAllowed } = createTestLimiter()
    for (let time = 0; time < 5; time++) expect(isAllowed('10.0.0.1')).toBeTrue()
    limiter.count('10.0.0.1')
    expect(isAllowed('10.0.0.1')).toBeTrue()
    limiter.count('10.0.0.1')
    expect(() => limiter.requireAllowed('10.0.0.1')).toThrow(
      expect.objectContaining({
        code: 'rate_limited',
        message: 'Too many attempts, try again in 60 seconds',
        retryAfter: 60,
      }),
    )
    clock.advance(59_999)
    expect(isAllowed('10.0.0.1')).toBeFalse()
    clock.advance(1)
    expect(isAllowed('10.0.0.1')).toBeTrue()
  })

  test('counts an IPv6 network of 64 bits as one, as well as all unknown addresses, and IPv4 addresses apart', () => {
    const { limiter, isAllowed } = createTestLimiter()
    for (const address of ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '10.0.0.1', null, null])
      limiter.count(address)
    expect(
      ['2001:db8:1:2::3', '2001:db8:1:3::1', '10.0.0.1', '10.0.0.2', null].map(isAllowed),
    ).toEqual([false, true, true, true, false])
  })

  test('gives a /48 of IPv6 four times as much as each network in it, and no limit to a /24 of IPv4', () => {
    const { clock, limiter, isAllowed } = createTestLimiter()
    for (let network = 0; network < 8; network++) {
      expect(isAllowed(`2001:db8:1:${network}::1`)).toBeTrue()
      limiter.count(`2001:db8:1:${network}::1`)
    }
    expect(
      ['2001:db8:1:99::1', '2001:db8:1:0::1', '2001:db8:2:99::1', '2001:db8::1'].map(isAllowed),
    ).toEqual([false, false, true, true])
    clock.advance(60_000)
    expect(isAllowed('2001:db8:1:99::1')).toBeTrue()
    for (let host = 0; host < 255; host++) limiter.count(`203.0.113.${host}`)
    expect(isAllowed('203.0.113.255')).toBeTrue()
  })

  test('without limits never refuses', () => {
    for (let time = 0; time < 1_000; time++) unlimitedRateLimiter.count('10.0.0.1')
    expect(() => unlimitedRateLimiter.requireAllowed('10.0.0.1')).not.toThrow()
  })
})

test('the default limits are those of the documentation', () => {
  expect(defaultRateLimits).toEqual({
    guesses: { max: 10, seconds: 900 },
    accountGuesses: { max: 100, seconds: 3_600 },
    guessedAccounts: { max: 30, seconds: 3_600 },
    signUps: { max: 20, seconds: 3_600 },
    confirmations: { max: 60, seconds: 3_600 },
  })
})

test('a block of networks gets a third of the guesses for an account, and one at least', () => {
  const shareOf = (max: number) => accountShareOfBlock({ max, seconds: 60 })
  expect([100, 3, 2, 1].map(shareOf)).toEqual([
    { max: 33, seconds: 60 },
    { max: 1, seconds: 60 },
    { max: 1, seconds: 60 },
    { max: 1, seconds: 60 },
  ])
  // What one network can use up alone, by lockouts that double, must be less.
  const { guesses, accountGuesses } = defaultRateLimits
  expect(accountShareOfBlock(accountGuesses).max).toBeGreaterThan(3 * guesses.max)
})
