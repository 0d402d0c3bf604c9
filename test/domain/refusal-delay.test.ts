import { describe, expect, test } from 'bun:test'
import { DomainError } from '../../src/domain/errors'
import { createLoginEventBuffer } from '../../src/domain/login-events'
import { createLoginThrottle } from '../../src/domain/login-throttle'
import { defaultRateLimits } from '../../src/domain/rate-limits'
import { createRefusalDelay } from '../../src/domain/refusal-delay'
import { createSessions } from '../../src/domain/sessions'
import { createWrongCredentials } from '../../src/domain/wrong-credentials'
import { captureError } from '../support/capture-error'
import { createTestLogin } from '../support/login'
import { unbounded } from '../support/session'
import { aUser, openSqliteStore } from '../support/store'
import { manualTiming, random, watchOf } from '../support/timing'
import { createTestTokens } from '../support/tokens'

type Timing = ReturnType<typeof manualTiming>

/** Returns how many milliseconds pass until `work` settles, in steps of 10. */
async function durationOf(timing: Timing, work: Promise<unknown>): Promise<number> {
  const start = timing.monotonicClock()
  let isSettled = false
  const settled = captureError(work.then(() => Promise.reject(new Error()))).then(() => {
    isSettled = true
  })
  while (!isSettled) await timing.advance(10)
  await settled
  return timing.monotonicClock() - start
}

const limited = () => Promise.reject(new DomainError('rate_limited', 'wait'))

/** A delay that has seen one check of 100 milliseconds. */
async function createTestDelay(maxWaiting?: number) {
  const timing = manualTiming()
  const delay = createRefusalDelay({ ...timing, ...(maxWaiting !== undefined && { maxWaiting }) })
  await durationOf(
    timing,
    delay.observe(() => timing.wait(100)),
  )
  return { timing, delay }
}

describe('a refusal', () => {
  test('comes when a check would surely have ended, whether or not there was one', async () => {
    const { timing, delay } = await createTestDelay()
    const refuse = async (milliseconds: number) => {
      await timing.wait(milliseconds)
      return await limited()
    }
    for (const milliseconds of [0, 90, 110, 140])
      expect(
        await durationOf(
          timing,
          delay.delay(undefined, () => refuse(milliseconds)),
        ),
      ).toBe(150)
    expect(
      await durationOf(
        timing,
        delay.delay(undefined, () => refuse(200)),
      ),
    ).toBe(200)
  })

  test('follows the checks as these get slower, and not one that failed', async () => {
    const { timing, delay } = await createTestDelay()
    await durationOf(
      timing,
      delay.observe(async () => {
        await timing.wait(9_000)
        throw new Error('no slot')
      }),
    )
    expect(await durationOf(timing, delay.delay(undefined, limited))).toBe(150)
    for (let check = 0; check < 30; check++)
      await durationOf(
        timing,
        delay.observe(() => timing.wait(1_000)),
      )
    expect(await durationOf(timing, delay.delay(undefined, limited))).toBe(1_500)
  })

  test('is there before the deadline of its request', async () => {
    const { timing, delay } = await createTestDelay()
    const bounds = { ...unbounded, deadline: timing.monotonicClock() + 40 }
    expect(await durationOf(timing, delay.delay(bounds, limited))).toBe(40)
  })

  test('comes at once before any check, and while many others wait', async () => {
    const timing = manualTiming()
    const fresh = createRefusalDelay(timing)
    expect(await captureError(fresh.delay(undefined, limited))).toMatchObject({ message: 'wait' })
    const { timing: other, delay } = await createTestDelay(2)
    const waiting = [1, 2].map(() => durationOf(other, delay.delay(undefined, limited)))
    expect(await captureError(delay.delay(undefined, limited))).toMatchObject({ message: 'wait' })
    expect(await Promise.all(waiting)).toHaveLength(2)
    expect(await durationOf(other, delay.delay(undefined, limited))).toBe(150)
  })

  test('alone is delayed, and no result and no other error', async () => {
    const { timing, delay } = await createTestDelay()
    expect(await delay.delay(undefined, () => Promise.resolve('done'))).toBe('done')
    const other = () => Promise.reject(new DomainError('unavailable', 'no slot'))
    expect(await captureError(delay.delay(undefined, other))).toMatchObject({ message: 'no slot' })
    expect(timing.sleeping()).toBe(0)
  })
})

test('a refused login takes as long for an account that knows the network as for others and for none', async () => {
  await using store = await openSqliteStore()
  const timing = manualTiming()
  const { clock } = timing
  const user = aUser()
  await store.write((tx) => tx.users.insert(user))
  const { login } = createTestLogin({
    ...{ ...timing, store, clockWatch: watchOf(clock) },
    wrongCredentials: createWrongCredentials({ ...timing, digest: String }),
    sessions: createSessions({ store, tokens: createTestTokens(random(32), clock) }),
    loginEvents: createLoginEventBuffer(timing),
    confirmation: { isRequired: false, emailQueue: null },
    hasher: {
      hash: () => Promise.reject(new Error('a login creates no hash')),
      async verify({ masterPasswordHash, beforeStart }) {
        beforeStart?.()
        await timing.wait(100)
        return { matches: masterPasswordHash === 'right', replacement: null }
      },
    },
    throttle: createLoginThrottle({
      limits: { ...defaultRateLimits, guesses: { max: 2, seconds: 600 } },
      monotonicClock: timing.monotonicClock,
      digest: String,
      onGuess: () => {},
    }),
  })
  let guesses = 0
  const attempt = async (email: string, address: string, hash = `guess ${guesses++}`) => {
    const ended = login(
      { email, masterPasswordHash: hash },
      { baseUrl: () => 'http://pi/', address, kind: 'windows' },
    ).then(
      () => 'ok',
      (error: unknown) => (error instanceof DomainError ? error.code : error),
    )
    return { milliseconds: await durationOf(timing, ended), outcome: await ended }
  }
  expect(await attempt(user.email, '10.0.0.1', 'right')).toMatchObject({ outcome: 'ok' })
  const attempts = [
    [user.email, '10.0.0.1'],
    [user.email, '10.0.1.1'],
    ['nobody@nas.local', '10.0.0.1'],
  ] as const
  for (const [email, address] of attempts) {
    for (const _ of [1, 2])
      expect(await attempt(email, address)).toEqual({
        ...{ outcome: 'unauthenticated', milliseconds: 100 },
      })
    // Each of them another guess, and the last one repeated.
    for (const hash of ['x', 'y', 'y'])
      expect(await attempt(email, address, `${email} ${hash}`)).toEqual({
        ...{ outcome: 'rate_limited', milliseconds: 150 },
      })
  }
})
