import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import type { DeviceKind } from '../../src/domain/devices'
import { DomainError } from '../../src/domain/errors'
import { ageLimitAt } from '../../src/domain/known-time'
import { createLoginEventBuffer } from '../../src/domain/login-events'
import type { LoginAttempt } from '../../src/domain/login-throttle'
import { createEmailQueue } from '../../src/domain/outbox'
import type { HashOrigin, PasswordHasher, Verdict } from '../../src/domain/password-hash'
import type { RequestBounds } from '../../src/domain/request-bounds'
import { createSessions } from '../../src/domain/sessions'
import { createWrongCredentials } from '../../src/domain/wrong-credentials'
import { listAuditRows } from '../support/audit'
import { captureError } from '../support/capture-error'
import { createTestLogin } from '../support/login'
import { unbounded } from '../support/session'
import {
  aUser,
  openSqliteStore,
  type SqliteTestStore,
  signedIn,
  withRevision,
} from '../support/store'
import { fakeClock, patientTiming, random } from '../support/timing'
import { createTestTokens } from '../support/tokens'

const day = 86_400_000
const address = '2001:db8:1:2::1'
const strangers: HashOrigin = ['strangers', '2001:db8:1::/48', '2001:db8:1:2::/64']
const network = '2001:db8:1:2::/64'

type Verify = Parameters<PasswordHasher['verify']>[0]

/** A login whose throttle and hasher let everything pass that a test does not stop, and tell what they were asked. */
async function createLoginSetup(
  store: SqliteTestStore,
  change: Partial<ReturnType<typeof aUser>> = {},
) {
  const clock = fakeClock()
  const user = aUser(change)
  await store.write((tx) => tx.users.insert(user))
  const attempts: LoginAttempt[] = []
  const verified: Verify[] = []
  const stubs = {
    verdict: { matches: true, replacement: null } as Verdict,
    writeError: null as Error | null,
    isImplausible: false as boolean,
    onWake: () => {},
  }
  const failing: typeof store = {
    ...store,
    write: (work) =>
      stubs.writeError === null ? store.write(work) : Promise.reject(stubs.writeError),
  }
  const checkLimit = () => {}
  const buffer = createLoginEventBuffer({ clock, monotonicClock: clock })
  const tokens = createTestTokens(random(32), clock)
  const sessions = createSessions({ store, tokens })
  const { login } = createTestLogin({
    ...patientTiming(),
    wrongCredentials: createWrongCredentials({ monotonicClock: clock, digest: String }),
    ...{ store: failing, clock, sessions, loginEvents: buffer },
    clockWatch: { ageLimit: (age) => (stubs.isImplausible ? null : ageLimitAt(clock(), age)) },
    hasher: {
      hash: () => Promise.reject(new Error('a login creates no hash')),
      verify: (asked) => {
        verified.push(asked)
        return Promise.resolve(stubs.verdict)
      },
    },
    confirmation: {
      isRequired: true,
      emailQueue: createEmailQueue({ clock, random, wake: () => stubs.onWake() }),
    },
    throttle: {
      check: (attempt, check) => {
        attempts.push(attempt)
        return check(checkLimit)
      },
    },
  })
  const attemptBy = (kind: DeviceKind, from: string | null = address, bounds?: RequestBounds) =>
    login(
      { email: user.email.toUpperCase(), masterPasswordHash: 'sent' },
      { baseUrl: () => 'http://pi:5000/', address: from, kind, ...(bounds && { bounds }) },
    )
  const attempt = (from: string | null = address, bounds?: RequestBounds) =>
    attemptBy('windows', from, bounds)
  const devices = () => store.read((tx) => tx.devices.list(user.id))
  const timeOf = async (of = network) =>
    (await devices()).find((device) => device.network === of)?.lastTime ?? null
  const remember = (network: string, options: { time: number; max: number }) =>
    store.write((tx) => tx.devices.remember(user.id, { kind: 'windows', network }, options))
  return {
    ...{ user, clock, attempts, verified, stubs, buffer, sessions, checkLimit },
    ...{ attempt, attemptBy, devices, timeOf, remember },
  }
}

describe('the network of a login', () => {
  test('is known for 90 days after the last one, and the owner does not wait behind strangers there', async () => {
    await using store = await openSqliteStore()
    const { user, clock, attempts, verified, checkLimit, attempt } = await createLoginSetup(store)
    const bounds = unbounded
    await attempt(address, bounds)
    clock.advance(90 * day - 1)
    await attempt('2001:db8:1:2:ffff::9', bounds)
    clock.advance(90 * day)
    await attempt(address, bounds)
    await attempt('2001:db8:1:3::1', bounds)
    expect(attempts.map(({ isKnown }) => isKnown)).toEqual([false, true, false, false])
    expect(attempts[0]).toEqual({
      ...{ email: user.email, masterPasswordHash: 'sent', address, isKnown: false },
    })
    expect(verified.map(({ origin }) => origin)).toEqual([
      ['strangers', '2001:db8:1::/48', '2001:db8:1:2::/64'],
      ['known', '2001:db8:1::/48', user.email],
      ['strangers', '2001:db8:1::/48', '2001:db8:1:2::/64'],
      ['strangers', '2001:db8:1::/48', '2001:db8:1:3::/64'],
    ])
    expect(verified[0]).toEqual({
      ...{ email: user.email, masterPasswordHash: 'sent', passwordHash: user.passwordHash },
      ...{ includeLegacy: false, origin: strangers, bounds, beforeStart: checkLimit },
    })
  })

  test('is recorded with the time at most once a day, to the millisecond, whenever the account signed in elsewhere', async () => {
    await using store = await openSqliteStore()
    const { clock, attempt, timeOf } = await createLoginSetup(store)
    const first = clock()
    await attempt()
    clock.advance(day - 1)
    await attempt('10.0.0.9')
    await attempt()
    expect(await timeOf()).toBe(first)
    clock.advance(1)
    await attempt()
    expect(await timeOf()).toBe(first + day)
    // A time from a wrong clock is overwritten once the clock is set back.
    clock.advance(-10 * day)
    await attempt('10.0.0.9')
    await attempt()
    expect(await timeOf()).toBe(first - 9 * day)
  })

  test.each([-20_000, -365, -3, 3, 365, 3_653])(
    'is known and keeps its time while the clock is %d days wrong',
    async (days) => {
      await using store = await openSqliteStore()
      const { clock, attempts, stubs, attempt, timeOf } = await createLoginSetup(store)
      const first = clock()
      await attempt()
      clock.advance(days * day)
      stubs.isImplausible = true
      await attempt()
      await attempt('10.0.0.9')
      expect(attempts.map(({ isKnown }) => isKnown)).toEqual([false, true, false])
      expect(await timeOf()).toBe(first)
      clock.advance(-days * day)
      stubs.isImplausible = false
      await attempt()
      expect(attempts.at(-1)?.isKnown).toBeTrue()
    },
  )

  test.each([
    ['1970', -20_000],
    ['the future', 3_653],
  ])(
    'that was recorded with a time in %s is known, and replaced before others',
    async (_, days) => {
      await using store = await openSqliteStore()
      const { clock, attempts, attempt, remember, devices } = await createLoginSetup(store)
      const wrong = { time: clock() + days * day, max: 2 }
      const right = { time: clock(), max: 2 }
      await remember(network, wrong)
      await attempt()
      expect(attempts.map(({ isKnown }) => isKnown)).toEqual([true])
      expect(await devices()).toEqual([
        { kind: 'windows', network, firstTime: clock(), lastTime: clock() },
      ])
      await remember(network, wrong)
      await remember('10.0.0.1', right)
      await remember('10.0.0.2', right)
      expect((await devices()).map((device) => [device.network, device.lastTime])).toEqual([
        ['10.0.0.2', clock()],
        ['10.0.0.1', clock()],
      ])
    },
  )

  test('has a device of each kind, which are known alike, and no device costs a further write', async () => {
    await using store = await openSqliteStore()
    const { clock, attempts, attemptBy, devices } = await createLoginSetup(store)
    const first = clock()
    await attemptBy('android')
    clock.advance(80 * day)
    await attemptBy('firefox')
    clock.advance(80 * day)
    await attemptBy('android')
    await attemptBy('opera', '10.0.0.9')
    expect(attempts.map(({ isKnown }) => isKnown)).toEqual([false, true, true, false])
    const times = (firstTime: number, lastTime = firstTime) => ({
      firstTime: first + firstTime * day,
      lastTime: first + lastTime * day,
    })
    expect(await devices()).toEqual([
      { kind: 'opera', network: '10.0.0.9', ...times(160) },
      { kind: 'android', network, ...times(0, 160) },
      { kind: 'firefox', network, ...times(80) },
    ])
    const again = (milliseconds: number, kind: DeviceKind) => {
      clock.advance(milliseconds)
      return store.countStatements(() => attemptBy(kind))
    }
    const statements = [await again(1, 'android'), await again(1, 'firefox')]
    // The read of a sign-in, with the account, its devices in the network, and whether there are legacy hashes.
    expect(statements[0]).toBe(5)
    expect(statements[1]).toBeGreaterThan(5)
    // Within a day, only the time of the account's last sign-in is written: begin, update, commit.
    expect(await again(60_000, 'android')).toBe(8)
  })

  test('that was recorded without a kind gets that of the next sign-in', async () => {
    await using store = await openSqliteStore()
    const { user, clock, attemptBy, devices, stubs } = await createLoginSetup(store)
    const first = clock()
    const others = ['10.0.0.8', '10.0.0.9']
    await store.write(async (tx) => {
      for (const each of [network, ...others]) {
        const device = { kind: 'unknown', network: each } as const
        await tx.devices.remember(user.id, device, { time: first, max: 9 })
      }
    })
    clock.advance(day / 2)
    await attemptBy('android')
    await attemptBy('firefox')
    // A wrong clock gives it the kind, and leaves its time.
    clock.advance(3_653 * day)
    stubs.isImplausible = true
    await attemptBy('edge', '10.0.0.9')
    const times = (milliseconds: number) => ({ lastTime: first + milliseconds })
    expect(await devices()).toMatchObject([
      { kind: 'firefox', network, firstTime: first + day / 2, ...times(day / 2) },
      { kind: 'android', network, firstTime: first, ...times(day / 2) },
      { kind: 'edge', network: '10.0.0.9', ...times(0) },
      { kind: 'unknown', network: '10.0.0.8', ...times(0) },
    ])
  })

  test('is not recorded for wrong credentials, a disabled account or one that is not confirmed', async () => {
    for (const [change, matches] of [
      [{}, false],
      [{ isDisabled: true }, true],
      [{ emailConfirmed: false }, true],
    ] as const) {
      await using store = await openSqliteStore()
      const { user, attempt, stubs, timeOf } = await createLoginSetup(store, change)
      stubs.verdict = { matches, replacement: '$new' }
      expect(await captureError(attempt())).toBeInstanceOf(DomainError)
      expect(await timeOf()).toBeNull()
      expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user))
      expect(await listAuditRows(store)).toEqual([])
    }
  })

  test('is one of fifty of an account', async () => {
    await using store = await openSqliteStore()
    const { clock, attempt, timeOf, remember } = await createLoginSetup(store)
    for (let host = 0; host < 50; host++) {
      await remember(`10.0.0.${host}`, { time: clock() + host, max: 100 })
    }
    clock.advance(50)
    await attempt('10.0.0.50')
    expect(await timeOf('10.0.0.0')).toBeNull()
    expect(await timeOf('10.0.0.1')).not.toBeNull()
    expect(await timeOf('10.0.0.50')).not.toBeNull()
  })
})

describe('a login', () => {
  test('of an unknown account is checked like one of a known account', async () => {
    await using store = await openSqliteStore()
    const { user, attempts, verified, checkLimit, attempt } = await createLoginSetup(store)
    await store.write((tx) => tx.users.delete(user.id))
    expect(await captureError(attempt())).toMatchObject({
      ...{ code: 'unauthenticated', message: 'Incorrect credentials' },
    })
    const credentials = { email: user.email, masterPasswordHash: 'sent' }
    expect(attempts).toEqual([{ ...credentials, address, isKnown: false }])
    expect(verified).toEqual([
      {
        ...{ ...credentials, passwordHash: null, includeLegacy: false },
        ...{ bounds: undefined, beforeStart: checkLimit, origin: strangers },
      },
    ])
  })

  test('replaces a legacy password hash in the commit of its audit event, also within a minute of the last one', async () => {
    await using store = await openSqliteStore()
    const { user, clock, attempt, stubs, buffer } = await createLoginSetup(store)
    await attempt()
    stubs.verdict = { matches: true, replacement: '$new' }
    clock.advance(1_000)
    await attempt()
    expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(
      withRevision({ ...user, passwordHash: '$new', loginTime: clock() }),
    )
    // The second event of the hour is counted, not written.
    expect(await listAuditRows(store)).toHaveLength(1)
    expect(buffer.drain('all').map(({ count }) => count)).toEqual([1])
  })

  test('of an unconfirmed account queues an email and wakes the worker, and says so', async () => {
    await using store = await openSqliteStore()
    const { user, attempt, stubs } = await createLoginSetup(store, { emailConfirmed: false })
    const refused = {
      code: 'forbidden',
      message: "Email isn't confirmed. Resending email confirmation letter...",
    }
    const queuedAtWake: unknown[] = []
    stubs.onWake = () => {
      using file = new Database(store.path, { readonly: true })
      queuedAtWake.push(file.query('select user_id, base_url from outbox').all())
    }
    expect(await captureError(attempt())).toMatchObject(refused)
    expect(queuedAtWake).toEqual([[{ user_id: user.id, base_url: 'http://pi:5000/' }]])
    // The answer is the same if nothing can be written now.
    stubs.writeError = new DomainError('storage_full', 'no space')
    expect(await captureError(attempt())).toMatchObject(refused)
    // A bug is not hidden.
    stubs.writeError = new TypeError('undefined is not a function')
    expect(await captureError(attempt())).toMatchObject({
      message: expect.stringContaining('undefined is not a function'),
    })
  })

  test('succeeds if nothing can be written now, and does not hide a bug', async () => {
    await using store = await openSqliteStore()
    const { user, attempt, stubs, sessions, buffer } = await createLoginSetup(store)
    stubs.writeError = new DomainError('unavailable', 'the database is away')
    const { token } = await attempt()
    expect(await sessions.authenticate(token, unbounded)).toEqual(signedIn(user))
    expect(buffer.drain()).toMatchObject([{ kind: 'login', userId: user.id, address }])
    stubs.writeError = new TypeError('undefined is not a function')
    expect(await captureError(attempt())).toMatchObject({
      message: expect.stringContaining('undefined is not a function'),
    })
  })

  test('opens a session that lasts for its seconds, for the account and its epoch', async () => {
    await using store = await openSqliteStore()
    const { user, clock, attempt, sessions } = await createLoginSetup(store)
    const authenticate = async (token: string) => await sessions.authenticate(token, unbounded)
    const { token } = await attempt()
    clock.advance(599_999)
    expect(await authenticate(token)).toMatchObject({ id: user.id })
    clock.advance(1)
    const expired = { code: 'unauthenticated', message: 'Token already expired' }
    expect(await captureError(authenticate(token))).toMatchObject(expired)

    const { token: next } = await attempt()
    const invalid = { code: 'unauthenticated', message: 'Token is invalid' }
    expect(await captureError(authenticate('garbage'))).toMatchObject(invalid)
    for (const change of [
      () => store.write((tx) => tx.users.setDisabled(user.id, true)),
      async () => {
        await store.write((tx) => tx.users.setDisabled(user.id, false))
        expect(await authenticate(next)).toMatchObject({ id: user.id })
        await store.write((tx) => tx.users.replaceSessionEpoch(user.id, 'next'))
      },
      () => store.write((tx) => tx.users.delete(user.id)),
    ]) {
      await change()
      expect(await captureError(authenticate(next))).toMatchObject(invalid)
    }
  })
})
