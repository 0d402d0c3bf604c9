import { describe, expect, test } from 'bun:test'
import { createLoginThrottle, unlimitedLogins } from '../../src/domain/login-throttle'
import { defaultRateLimits, type RateLimits } from '../../src/domain/rate-limits'
import { fakeClock } from '../support/timing'

const limited = (retryAfter: number) => ({ code: 'rate_limited', retryAfter })
const busy = {
  code: 'unavailable',
  message: 'Too many sign-ins at once, try again in a while',
}

/** A throttle with a digest that can be read, and the addresses of the guesses that it reports. */
function createTestThrottle(limits: Partial<RateLimits> = {}) {
  const clock = fakeClock()
  const guesses: (string | null)[] = []
  const throttle = createLoginThrottle({
    limits: { ...defaultRateLimits, ...limits },
    monotonicClock: clock,
    digest: (text) => text,
    onGuess: (address) => guesses.push(address),
  })
  /** Tries credentials, right only for the hash `right`. Returns `true`, `false` or the error. */
  const attempt = (
    masterPasswordHash: string,
    {
      email = 'owner@nas.local',
      address = '10.0.0.1',
      isKnown = false,
    }: { email?: string; address?: string | null; isKnown?: boolean } = {},
    check = async () => masterPasswordHash === 'right',
  ) =>
    throttle
      .check({ email, masterPasswordHash, address, isKnown }, (checkLimit) => {
        checkLimit()
        return check()
      })
      .catch((error: unknown) => error)
  return { throttle, clock, guesses, attempt }
}

/** Checks that run until they are ended, each with the given result. */
function createSlowChecks() {
  const ends: PromiseWithResolvers<boolean>[] = []
  return {
    started: () => ends.length,
    async end(index: number, isRight: boolean) {
      ends[index]?.resolve(isRight)
      await new Promise((resolve) => setImmediate(resolve))
    },
    check: () => {
      const end = Promise.withResolvers<boolean>()
      ends.push(end)
      return end.promise
    },
    async endAll(isRight: boolean) {
      for (let index = 0; index < ends.length; index++) {
        ends[index]?.resolve(isRight)
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

describe('guesses', () => {
  test('lock out the pair of account and network, for exactly the time, longer each time', async () => {
    const { clock, attempt, guesses } = createTestThrottle({ guesses: { max: 3, seconds: 60 } })
    const others = { email: 'other@nas.local' }
    for (const guess of ['1', '1', '2', '2', '3']) expect(await attempt(guess)).toBe(false)
    expect(guesses).toEqual(Array<string>(3).fill('10.0.0.1'))
    expect(await attempt('right')).toMatchObject(limited(60))
    expect(await attempt('right', others)).toBe(true)
    expect(await attempt('right', { address: '10.0.0.2' })).toBe(true)
    clock.advance(59_999)
    expect(await attempt('right')).toMatchObject(limited(1))
    clock.advance(1)
    expect(await attempt('right')).toBe(true)
    for (const guess of ['4', '5', '6']) expect(await attempt(guess)).toBe(false)
    expect(await attempt('right')).toMatchObject(limited(120))
  })

  test('count for the whole IPv6 network of 64 bits, and for all unknown addresses together', async () => {
    for (const [one, same, other] of [
      ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:3::1'],
      [null, null, '10.0.0.1'],
    ] as const) {
      const { attempt } = createTestThrottle({ guesses: { max: 1, seconds: 60 } })
      expect(await attempt('x', { address: one })).toBe(false)
      expect(await attempt('right', { address: same })).toMatchObject(limited(60))
      expect(await attempt('right', { address: other })).toBe(true)
    }
  })

  test('with one password at several accounts are told apart', async () => {
    const { attempt, guesses } = createTestThrottle()
    expect(await attempt('x')).toBe(false)
    expect(await attempt('x', { email: 'other@nas.local' })).toBe(false)
    expect(guesses).toHaveLength(2)
  })

  test('from many networks lock out the account everywhere, without backoff', async () => {
    const { clock, attempt } = createTestThrottle({ accountGuesses: { max: 2, seconds: 60 } })
    for (let round = 0; round < 2; round++) {
      for (const address of ['10.0.1.1', '10.0.2.1']) {
        expect(await attempt(`from ${address}`, { address })).toBe(false)
      }
      expect(await attempt('right', { address: '10.0.3.1' })).toMatchObject(limited(60))
      expect(await attempt('right', { email: 'other@nas.local' })).toBe(true)
      clock.advance(60_000)
    }
  })

  test.each([
    ['a /48 of IPv6', (index: number) => `2001:db8:1:${index.toString(16)}::1`, '2001:db8:2:1::1'],
    ['a /24 of IPv4', (index: number) => `203.0.113.${index}`, '203.0.114.1'],
  ])(
    'from %s use up a third of those for an account, and do not lock it out elsewhere',
    async (_, addressOf, elsewhere) => {
      const { clock, attempt, guesses } = createTestThrottle()
      const guess = (index: number, email?: string) =>
        attempt(`guess ${index}`, {
          address: addressOf(index),
          ...(email !== undefined && { email }),
        })
      for (let index = 0; index < 33; index++) expect(await guess(index)).toBe(false)
      for (let index = 33; index < 200; index++) {
        expect(await guess(index)).toMatchObject(limited(3_600))
      }
      expect(guesses).toHaveLength(33)
      expect(await attempt('right', { address: addressOf(250) })).toMatchObject(limited(3_600))
      expect(await attempt('right', { address: addressOf(250), isKnown: true })).toBe(true)
      expect(await attempt('right', { address: elsewhere })).toBe(true)
      // At another account, it may still guess.
      expect(await guess(251, 'other@nas.local')).toBe(false)
      clock.advance(3_600_000)
      expect(await attempt('right', { address: addressOf(250) })).toBe(true)
    },
  )

  test('at many accounts lock out the /48 of IPv6 of which each network tries few, and no /24 of IPv4', async () => {
    const { clock, attempt } = createTestThrottle({ guessedAccounts: { max: 5, seconds: 60 } })
    const guess = (index: number, address: string) =>
      attempt('guess', { email: `user ${index}`, address })
    for (let index = 0; index < 20; index++)
      expect(await guess(index, `2001:db8:1:${index}::1`)).toBe(false)
    expect(await guess(20, '2001:db8:1:99::1')).toMatchObject(limited(60))
    expect(await guess(20, '2001:db8:2:99::1')).toBe(false)
    clock.advance(60_000)
    expect(await guess(21, '2001:db8:1:99::1')).toBe(false)
    for (let index = 0; index < 200; index++)
      expect(await guess(index, `203.0.113.${index}`)).toBe(false)
  })

  test('at many accounts lock out the network, without backoff', async () => {
    const { clock, attempt } = createTestThrottle({ guessedAccounts: { max: 2, seconds: 60 } })
    for (let round = 0; round < 2; round++) {
      for (const email of ['one', 'two']) expect(await attempt('x', { email })).toBe(false)
      expect(await attempt('right', { email: 'three' })).toMatchObject(limited(60))
      expect(await attempt('right', { email: 'three', address: '10.0.0.2' })).toBe(true)
      clock.advance(60_000)
    }
  })

  test('wait for the longest of the lockouts', async () => {
    const { attempt } = createTestThrottle({
      guesses: { max: 1, seconds: 60 },
      accountGuesses: { max: 1, seconds: 90 },
      guessedAccounts: { max: 1, seconds: 75 },
    })
    expect(await attempt('x')).toBe(false)
    expect(await attempt('right')).toMatchObject(limited(90))
    expect(await attempt('right', { email: 'other' })).toMatchObject(limited(75))
  })

  test('at the same moment are checked one after another, and no more than the limit', async () => {
    const { attempt, guesses } = createTestThrottle({ guesses: { max: 3, seconds: 60 } })
    const { started, check, endAll } = createSlowChecks()
    const attempts = Array.from({ length: 6 }, (_, index) => attempt(`guess ${index}`, {}, check))
    await new Promise((resolve) => setImmediate(resolve))
    expect(started()).toBe(1)
    await endAll(false)
    expect(started()).toBe(3)
    expect(await Promise.all(attempts)).toEqual([
      ...[false, false, false],
      ...Array<unknown>(3).fill(expect.objectContaining(limited(60))),
    ])
    expect(guesses).toHaveLength(3)
  })

  test('that waited for the processor are not checked after others have reached the limit', async () => {
    const { throttle, attempt } = createTestThrottle({ accountGuesses: { max: 2, seconds: 60 } })
    const start = Promise.withResolvers<void>()
    const waiting = throttle
      .check(
        {
          email: 'owner@nas.local',
          masterPasswordHash: 'right',
          address: '10.0.0.9',
          isKnown: false,
        },
        async (checkLimit) => {
          await start.promise
          checkLimit()
          return true
        },
      )
      .catch((error: unknown) => error)
    for (const address of ['10.0.1.1', '10.0.2.1']) {
      expect(await attempt(`from ${address}`, { address })).toBe(false)
    }
    start.resolve()
    expect(await waiting).toMatchObject(limited(60))
  })
})

describe('a network that an account knows', () => {
  const known = { address: '192.168.1.1', isKnown: true }

  test('is let in while the account is locked out, and has a limit of its own', async () => {
    const { clock, attempt, guesses } = createTestThrottle({
      guesses: { max: 2, seconds: 60 },
      accountGuesses: { max: 9, seconds: 90 },
    })
    for (const guess of ['1', '2']) expect(await attempt(guess, known)).toBe(false)
    // The pair is locked out by now: others there are refused, and the owner is not.
    expect(await attempt('right', { ...known, isKnown: false })).toMatchObject(limited(60))
    expect(await attempt('right', known)).toBe(true)
    expect(guesses).toHaveLength(2)
    // A guess gets the answer of a lockout, without being counted twice. It reaches the limit of known networks.
    for (const guess of ['3', '4', '5', '6', '7', '8', '9'])
      expect(await attempt(guess, known)).toMatchObject(limited(60))
    expect(guesses).toEqual(Array<string>(9).fill('192.168.1.1'))
    expect(await attempt('right', known)).toMatchObject(limited(90))
    expect(await attempt('right', { ...known, address: '192.168.1.2' })).toBe(true)
    clock.advance(90_000)
    expect(await attempt('right', known)).toBe(true)
  })

  test('reports each guess once while the account is locked out', async () => {
    const { attempt, guesses } = createTestThrottle({ guesses: { max: 1, seconds: 60 } })
    expect(await attempt('1', known)).toBe(false)
    for (const guess of ['1', '2', '2', '3', '2']) {
      expect(await attempt(guess, known)).toMatchObject(limited(60))
    }
    expect(guesses).toHaveLength(3)
  })

  test('counts nothing for the account while that is locked out', async () => {
    const { clock, attempt } = createTestThrottle({ guesses: { max: 1, seconds: 60 } })
    expect(await attempt('1', known)).toBe(false)
    for (let guess = 2; guess < 50; guess++) await attempt(String(guess), known)
    clock.advance(60_000)
    expect(await attempt('right', { address: '10.0.0.1' })).toBe(true)
    // The second lockout of the pair is the next one, not the fiftieth.
    expect(await attempt('50', known)).toBe(false)
    expect(await attempt('51', known)).toMatchObject(limited(120))
  })

  test('gets the answer of a lockout up to its last second', async () => {
    const { clock, attempt } = createTestThrottle({ guesses: { max: 1, seconds: 60 } })
    expect(await attempt('1', known)).toBe(false)
    clock.advance(59_999)
    expect(await attempt('2', known)).toMatchObject(limited(1))
    clock.advance(1)
    expect(await attempt('3', known)).toBe(false)
  })

  test('is told to wait for a second at least when the lockout ends during the check', async () => {
    const { clock, attempt } = createTestThrottle({ guesses: { max: 1, seconds: 60 } })
    expect(await attempt('1', known)).toBe(false)
    const late = await attempt('2', known, async () => {
      clock.advance(60_000)
      return false
    })
    expect(late).toMatchObject(limited(1))
  })
})

describe('a lockout', () => {
  const attempt = { email: 'a', masterPasswordHash: 'right', address: '10.0.0.1', isKnown: false }

  test('is told before the queue of the network is looked at', async () => {
    const { attempt: ask } = createTestThrottle({ guesses: { max: 1, seconds: 60 } })
    const { check, endAll } = createSlowChecks()
    expect(await ask('x')).toBe(false)
    const running = Array.from({ length: 32 }, (_, index) =>
      ask('right', { email: `user ${index}` }, check),
    )
    expect(await ask('right')).toMatchObject(limited(60))
    expect(await ask('right', { email: 'other' })).toMatchObject(busy)
    await endAll(true)
    await Promise.all(running)
  })

  test('that begins while a check waits is told without calling the check', async () => {
    const { throttle } = createTestThrottle({ guesses: { max: 1, seconds: 60 } })
    let calls = 0
    const check = () => {
      calls++
      return Promise.resolve(false)
    }
    const outcomes = await Promise.allSettled([
      throttle.check({ ...attempt, masterPasswordHash: '1' }, check),
      throttle.check({ ...attempt, masterPasswordHash: '2' }, check),
    ])
    expect(outcomes).toMatchObject([
      { status: 'fulfilled', value: false },
      { status: 'rejected', reason: limited(60) },
    ])
    expect(calls).toBe(1)
  })
})

describe('checks at the same time', () => {
  test('are 32 from one network, and one more as soon as one of them has ended', async () => {
    const { attempt } = createTestThrottle()
    const { started, check, endAll } = createSlowChecks()
    const ask = (index: number, address = '2001:db8:1:2::1') =>
      attempt('right', { email: `user ${index}`, address }, check)
    const running = Array.from({ length: 32 }, (_, index) => ask(index, `2001:db8:1:2::${index}`))
    await new Promise((resolve) => setImmediate(resolve))
    expect(started()).toBe(32)
    expect(await ask(32)).toMatchObject(busy)
    expect(started()).toBe(32)
    const elsewhere = ask(0, '2001:db8:1:3::1')
    await new Promise((resolve) => setImmediate(resolve))
    expect(started()).toBe(33)
    await endAll(true)
    expect<unknown>(await Promise.all([...running, elsewhere])).toEqual(
      Array<boolean>(33).fill(true),
    )
    // All places are free again, also those of checks that failed.
    const again = Array.from({ length: 32 }, (_, index) =>
      attempt('x', { email: `user ${index}`, address: '2001:db8:1:2::1' }, () =>
        Promise.reject(new Error('a bug')),
      ),
    )
    for (const error of await Promise.all(again)) expect(error).toMatchObject({ message: 'a bug' })
    const last = Array.from({ length: 33 }, (_, index) => ask(index))
    await new Promise((resolve) => setImmediate(resolve))
    expect(await last.pop()).toMatchObject(busy)
    await endAll(true)
    expect(await Promise.all(last)).toEqual(Array<boolean>(32).fill(true))
  })

  test('are counted apart from those that have ended', async () => {
    const { attempt } = createTestThrottle()
    const { started, check, end, endAll } = createSlowChecks()
    let users = 0
    const ask = () => attempt('right', { email: `user ${users++}` }, check)
    const attempts = Array.from({ length: 32 }, ask)
    await new Promise((resolve) => setImmediate(resolve))
    for (let index = 0; index < 31; index++) await end(index, true)
    attempts.push(...Array.from({ length: 31 }, ask))
    expect(await ask()).toMatchObject(busy)
    expect(started()).toBe(32 + 31)
    await endAll(true)
    expect(await Promise.all(attempts)).toEqual(Array<boolean>(63).fill(true))
  })

  test('of one pair wait for each other also if they come later', async () => {
    const { attempt } = createTestThrottle()
    const { started, check, end, endAll } = createSlowChecks()
    const attempts = [attempt('1', {}, check), attempt('2', {}, check)]
    await new Promise((resolve) => setImmediate(resolve))
    await end(0, false)
    attempts.push(attempt('3', {}, check))
    await new Promise((resolve) => setImmediate(resolve))
    expect(started()).toBe(2)
    await endAll(false)
    expect(await Promise.all(attempts)).toEqual([false, false, false])
  })

  test('of an account from a network that it knows are counted apart from those of its neighbours', async () => {
    const { attempt } = createTestThrottle()
    const { started, check, endAll } = createSlowChecks()
    const strangers = Array.from({ length: 32 }, (_, index) =>
      attempt('right', { email: `user ${index}` }, check),
    )
    const owner = { isKnown: true }
    const owners = Array.from({ length: 33 }, () => attempt('right', owner, check))
    expect(await owners.pop()).toMatchObject(busy)
    const other = attempt('right', { ...owner, email: 'other@nas.local' }, check)
    await new Promise((resolve) => setImmediate(resolve))
    // The checks of one pair run one after another.
    expect(started()).toBe(32 + 1 + 1)
    await endAll(true)
    expect<unknown>(await Promise.all([...strangers, ...owners, other])).toEqual(
      Array<boolean>(65).fill(true),
    )
  })

  test('of one pair go on after one of them failed', async () => {
    const { attempt } = createTestThrottle()
    const failed = attempt('right', {}, () => Promise.reject(new Error('a bug')))
    const next = attempt('right')
    expect(await failed).toMatchObject({ message: 'a bug' })
    expect(await next).toBe(true)
  })
})

test('unlimited logins are only checked', async () => {
  const attempt = { email: 'a', masterPasswordHash: 'x', address: null, isKnown: false }
  for (let guess = 0; guess < 200; guess++) {
    const result = await unlimitedLogins.check(attempt, async (checkLimit) => {
      checkLimit()
      return guess % 2 === 0
    })
    expect(result).toBe(guess % 2 === 0)
  }
})
