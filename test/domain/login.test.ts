import { Database } from 'bun:sqlite'
import { describe, expect, spyOn, test } from 'bun:test'
import type { Credentials } from '../../src/domain/credential-check'
import type { ConfirmationPolicy } from '../../src/domain/email-confirmation'
import { createLoginEventBuffer } from '../../src/domain/login-events'
import { unlimitedLogins } from '../../src/domain/login-throttle'
import { unlimitedRateLimiter } from '../../src/domain/rate-limiter'
import type { Clock } from '../../src/domain/runtime'
import { createSessions } from '../../src/domain/sessions'
import { createUsers, type SignUp } from '../../src/domain/users'
import { createWrongCredentials } from '../../src/domain/wrong-credentials'
import vectors from '../data/vectors.json' with { type: 'json' }
import { captureError } from '../support/capture-error'
import { createTestHasher } from '../support/hasher'
import { createTestLogin } from '../support/login'
import { unbounded } from '../support/session'
import { aUser, openSqliteStore, signedIn, type TestStore, withRevision } from '../support/store'
import { fakeClock, manualTiming, patientTiming, random, watchOf } from '../support/timing'
import { createTestTokens } from '../support/tokens'
import { until } from '../support/until'

const hash = 'YWxpY2UtaGFzaA=='
const baseUrl = () => 'http://pi/'

const required: ConfirmationPolicy = { isRequired: true, emailQueue: null }
const off: ConfirmationPolicy = { isRequired: false, emailQueue: null }

function createRules(
  store: TestStore,
  confirmation: ConfirmationPolicy = off,
  clock: Clock = Date.now,
) {
  const hasher = createTestHasher()
  const sessions = createSessions({
    store,
    tokens: createTestTokens(random(32), Date.now),
  })
  const users = createUsers({
    ...patientTiming(),
    ...{ clockWatch: watchOf(clock), linkLifetime: 600_000 },
    store,
    hasher,
    random,
    clock,
    confirmation,
    signUps: { mode: 'open', domains: [] },
    rateLimiter: unlimitedRateLimiter,
  })
  const buffer = createLoginEventBuffer({ clock, monotonicClock: clock })
  const { login } = createTestLogin({
    ...patientTiming(),
    wrongCredentials: createWrongCredentials({ monotonicClock: clock, digest: String }),
    store,
    hasher,
    sessions,
    confirmation,
    throttle: unlimitedLogins,
    loginEvents: buffer,
    clock,
    clockWatch: watchOf(clock),
  })
  return {
    hasher,
    sessions,
    buffer,
    signUp: (signUp: SignUp) => users.signUp(signUp, { baseUrl, address: null }),
    login: (credentials: Credentials) =>
      login(credentials, { baseUrl, address: null, kind: 'windows' }),
  }
}

describe('a login', () => {
  test('opens a session for right credentials, in any case of the email', async () => {
    await using store = await openSqliteStore()
    const { signUp, login, sessions } = createRules(store)
    await signUp({ id: 'u', email: 'Änne@NAS.local', masterPasswordHash: hash, hint: '' })
    for (const email of ['änne@nas.local', 'ÄNNE@nas.LOCAL']) {
      const { token, user } = await login({ email, masterPasswordHash: hash })
      expect(user).toMatchObject({ id: 'u', email: 'änne@nas.local', hint: null })
      expect(await sessions.authenticate(token, unbounded)).toEqual(signedIn(user))
    }
  })

  test('refuses a wrong hash, an unknown email and one that can’t be stored with the same message', async () => {
    await using store = await openSqliteStore()
    const { signUp, login } = createRules(store)
    await signUp({ id: 'u', email: 'a@b.cc', masterPasswordHash: hash, hint: null })
    for (const credentials of [
      { email: 'a@b.cc', masterPasswordHash: 'wrong' },
      { email: 'nobody@b.cc', masterPasswordHash: hash },
      { email: 'a@b.cc\0', masterPasswordHash: hash },
    ]) {
      expect(await captureError(login(credentials))).toMatchObject({
        code: 'unauthenticated',
        message: 'Incorrect credentials',
      })
    }
  })

  test('uses a different session epoch for every account', async () => {
    await using store = await openSqliteStore()
    const { signUp } = createRules(store)
    for (const id of ['u', 'v']) {
      await signUp({ id, email: `${id}@b.cc`, masterPasswordHash: hash, hint: null })
    }
    const epochs = await store.read(async (tx) => [
      (await tx.users.findById('u'))?.sessionEpoch,
      (await tx.users.findById('v'))?.sessionEpoch,
    ])
    for (const epoch of epochs) expect(epoch).toMatch(/^[\w-]{22}$/)
    expect(epochs[0]).not.toBe(epochs[1] ?? '')
  })

  test("succeeds when a legacy password hash can't be replaced now", async () => {
    await using store = await openSqliteStore()
    const { login } = createRules(store)
    const [vector] = vectors.server_legacy_hash
    if (vector === undefined) throw new Error('no vector')
    const legacyUser = aUser({ email: vector.email, passwordHash: vector.stored })
    await store.write((tx) => tx.users.insert(legacyUser))
    using other = new Database(store.path)
    other.run('begin immediate')
    const { user } = await login({ email: legacyUser.email, masterPasswordHash: vector.sent })
    expect(user).toEqual(legacyUser)
    other.run('rollback')
    expect(await store.read((tx) => tx.users.findById(legacyUser.id))).toEqual(
      withRevision(legacyUser),
    )
  })

  test('records its time, at most once a minute', async () => {
    await using store = await openSqliteStore()
    const clock = fakeClock()
    const { signUp, login } = createRules(store, off, clock)
    const loginTime = async () =>
      (await store.read((tx) => tx.users.findByEmail('a@b.cc')))?.loginTime
    await signUp({ id: 'u', email: 'a@b.cc', masterPasswordHash: hash, hint: null })
    expect(await loginTime()).toBeNull()
    const first = clock()
    for (const delay of [0, 59_999]) {
      clock.advance(delay)
      await login({ email: 'a@b.cc', masterPasswordHash: hash })
      expect(await loginTime()).toBe(first)
    }
    clock.advance(1)
    await login({ email: 'a@b.cc', masterPasswordHash: 'wrong' }).catch(() => {})
    expect(await loginTime()).toBe(first)
    await login({ email: 'a@b.cc', masterPasswordHash: hash })
    expect(await loginTime()).toBe(first + 60_000)
    // A clock that was set back.
    clock.advance(-3_600_000)
    await login({ email: 'a@b.cc', masterPasswordHash: hash })
    expect(await loginTime()).toBe(clock())
  })

  test('reveals that an account is disabled only for right credentials', async () => {
    await using store = await openSqliteStore()
    const { hasher, login } = createRules(store, required)
    const passwordHash = await hasher.hash(hash)
    const user = aUser({ email: 'a@b.cc', passwordHash, isDisabled: true, emailConfirmed: false })
    await store.write((tx) => tx.users.insert(user))
    for (const [masterPasswordHash, code] of [
      [hash, 'forbidden'],
      ['wrong', 'unauthenticated'],
    ] as const) {
      expect(await captureError(login({ email: 'a@b.cc', masterPasswordHash }))).toMatchObject({
        code,
      })
    }
    expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user))
  })

  test('reveals that an email is unconfirmed only for right credentials', async () => {
    await using store = await openSqliteStore()
    const { hasher, login } = createRules(store, required)
    const passwordHash = await hasher.hash(hash)
    await store.write((tx) =>
      tx.users.insert(aUser({ email: 'a@b.cc', passwordHash, emailConfirmed: false })),
    )
    expect(await captureError(login({ email: 'a@b.cc', masterPasswordHash: hash }))).toMatchObject({
      code: 'forbidden',
    })
    expect(
      await captureError(login({ email: 'a@b.cc', masterPasswordHash: 'wrong' })),
    ).toMatchObject({
      code: 'unauthenticated',
    })
  })
})

describe('the work of a login', () => {
  test('with wrong credentials is done once for all repetitions, until the account changes', async () => {
    await using store = await openSqliteStore()
    const { hasher, signUp, login } = createRules(store)
    await signUp({ id: 'u', email: 'a@nas.local', masterPasswordHash: hash, hint: null })
    using verify = spyOn(hasher, 'verify')
    const guess = (masterPasswordHash: string, email = 'a@nas.local') =>
      login({ email, masterPasswordHash }).then(
        () => 'signed in',
        (error) => error.code,
      )
    // As Android sends them.
    for (let attempt = 0; attempt < 42; attempt++) {
      expect(await guess('dHlwbw==')).toBe('unauthenticated')
      expect(await guess('dHlwbw==', 'nobody@nas.local')).toBe('unauthenticated')
    }
    expect(verify).toHaveBeenCalledTimes(2)
    expect(await guess(hash)).toBe('signed in')
    const from = (await store.read((tx) => tx.users.findById('u')))?.passwordHash ?? ''
    const to = await hasher.hash('dHlwbw==')
    await store.write((tx) => tx.users.replacePasswordHash('u', { from, to }))
    expect(await guess('dHlwbw==')).toBe('signed in')
    expect(await guess(hash)).toBe('unauthenticated')
    expect(verify).toHaveBeenCalledTimes(5)
  })

  /** Returns what a login asks of the hasher, whether it succeeds or not. */
  async function hasherCallsOf(store: TestStore, email: string, masterPasswordHash: string) {
    const { hasher, sessions } = createRules(store)
    using verify = spyOn(hasher, 'verify')
    const { login } = createTestLogin({
      ...patientTiming(),
      wrongCredentials: createWrongCredentials({ monotonicClock: Date.now, digest: String }),
      store,
      hasher,
      sessions,
      confirmation: off,
      throttle: unlimitedLogins,
      loginEvents: createLoginEventBuffer({ clock: Date.now, monotonicClock: Date.now }),
      clock: Date.now,
      clockWatch: watchOf(Date.now),
    })
    await login({ email, masterPasswordHash }, { baseUrl, address: null, kind: 'other' }).catch(
      () => {},
    )
    return verify.mock.calls.map(([{ includeLegacy }]) => ({ includeLegacy }))
  }

  test('is the same for known, unknown and legacy accounts, and larger while there are legacy accounts', async () => {
    await using store = await openSqliteStore()
    const { signUp } = createRules(store)
    await signUp({ id: 'u', email: 'new@b.cc', masterPasswordHash: hash, hint: null })
    const callsOf = (email: string, sent = hash) => hasherCallsOf(store, email, sent)
    const withoutLegacy = [{ includeLegacy: false }]
    expect([
      await callsOf('new@b.cc'),
      await callsOf('new@b.cc', 'x'),
      await callsOf('nobody@b.cc'),
    ]).toEqual([withoutLegacy, withoutLegacy, withoutLegacy])

    const [vector] = vectors.server_legacy_hash
    if (vector === undefined) throw new Error('no vector')
    const legacyUser = aUser({ email: vector.email, passwordHash: vector.stored })
    await store.write((tx) => tx.users.insert(legacyUser))
    const withLegacy = [{ includeLegacy: true }]
    expect([
      await callsOf('new@b.cc'),
      await callsOf('nobody@b.cc'),
      await callsOf(legacyUser.email, 'x'),
    ]).toEqual([withLegacy, withLegacy, withLegacy])
    // The login of the last legacy account replaces its password hash. Then no legacy hashes are computed.
    expect(await callsOf(legacyUser.email, vector.sent)).toEqual(withLegacy)
    expect(await callsOf('nobody@b.cc')).toEqual(withoutLegacy)
    expect(await callsOf(legacyUser.email, vector.sent)).toEqual(withoutLegacy)
    const found = await store.read((tx) => tx.users.findByEmail(legacyUser.email))
    expect(found?.passwordHash).toStartWith('$pbkdf2-sha512$i=1$')
  })
})

describe('a login that takes too long', () => {
  test('is refused at its deadline, whether the hash or the database is slow', async () => {
    const timing = manualTiming()
    await using store = await openSqliteStore(timing)
    const { hasher, sessions, signUp } = createRules(store)
    await signUp({ id: 'u', email: 'a@nas.local', masterPasswordHash: hash, hint: null })
    const never = () => new Promise<never>(() => {})
    for (const slow of [{ hasher: { ...hasher, verify: never } }, { throttle: { check: never } }]) {
      const { login } = createTestLogin({
        ...{ store, hasher, sessions, confirmation: off, throttle: unlimitedLogins, ...timing },
        wrongCredentials: createWrongCredentials({ ...timing, digest: String }),
        loginEvents: createLoginEventBuffer(timing),
        clockWatch: watchOf(timing.clock),
        ...slow,
      })
      const bounds = { deadline: timing.monotonicClock() + 7_500, isAbandoned: false }
      let outcome: unknown
      login(
        { email: 'a@nas.local', masterPasswordHash: hash },
        { baseUrl, address: null, kind: 'windows', bounds },
      ).catch((error: unknown) => {
        outcome = error
      })
      // The database answers in real time.
      await until(async () => {
        await timing.advance(0)
        return timing.sleeping() > 0
      }, 'the login to wait')
      await timing.advance(7_499)
      expect(outcome).toBeUndefined()
      await timing.advance(1)
      expect(outcome).toMatchObject({ code: 'unavailable' })
    }
  })
})
