import { Database } from 'bun:sqlite'
import { describe, expect, spyOn, test } from 'bun:test'
import { createPasswordHasher } from '../../src/crypto/password-hash'
import { createTokens } from '../../src/crypto/tokens'
import type { ConfirmationPolicy } from '../../src/domain/email-confirmation'
import { type Credentials, createLogin } from '../../src/domain/login'
import { createLoginEventBuffer } from '../../src/domain/login-events'
import { unlimitedLogins } from '../../src/domain/login-throttle'
import { unlimitedRateLimiter } from '../../src/domain/rate-limiter'
import type { Clock } from '../../src/domain/runtime'
import { createSessions } from '../../src/domain/sessions'
import { createUsers, type SignUp } from '../../src/domain/users'
import vectors from '../data/vectors.json' with { type: 'json' }
import { aUser, openSqliteStore, type TestStore } from '../support/store'
import { fakeClock, random } from '../support/timing'

const hash = 'YWxpY2UtaGFzaA=='
const baseUrl = () => 'http://pi/'

const required: ConfirmationPolicy = { isRequired: true, emailQueue: null }
const off: ConfirmationPolicy = { isRequired: false, emailQueue: null }

function rulesOver(
  store: TestStore,
  confirmation: ConfirmationPolicy = off,
  clock: Clock = Date.now,
) {
  const hasher = createPasswordHasher(random, 1)
  const sessions = createSessions({
    store,
    tokens: createTokens(random(32), Date.now),
    seconds: 600,
  })
  const users = createUsers({
    store,
    hasher,
    random,
    clock,
    confirmation,
    signUps: { mode: 'open', domains: [] },
    rateLimiter: unlimitedRateLimiter,
  })
  const buffer = createLoginEventBuffer({ clock })
  const { login } = createLogin({
    store,
    hasher,
    sessions,
    confirmation,
    throttle: unlimitedLogins,
    loginEvents: buffer,
    clock,
  })
  return {
    hasher,
    sessions,
    buffer,
    signUp: (signUp: SignUp) => users.signUp(signUp, { baseUrl, address: null }),
    login: (credentials: Credentials) => login(credentials, { baseUrl, address: null }),
  }
}

describe('a login', () => {
  test('opens a session for right credentials, whatever the case of the email', async () => {
    await using store = await openSqliteStore()
    const { signUp, login, sessions } = rulesOver(store)
    await signUp({ id: 'u', email: 'Änne@NAS.local', masterPasswordHash: hash, hint: '' })
    for (const email of ['änne@nas.local', 'ÄNNE@nas.LOCAL']) {
      const { token, user } = await login({ email, masterPasswordHash: hash })
      expect(user).toMatchObject({ id: 'u', email: 'änne@nas.local', hint: null })
      expect(await sessions.authenticate(token)).toEqual({ ...user, loginTime: expect.any(Number) })
    }
  })

  test('refuses a wrong hash, an unknown email and one that cannot be stored in the same words', async () => {
    await using store = await openSqliteStore()
    const { signUp, login } = rulesOver(store)
    await signUp({ id: 'u', email: 'a@b.cc', masterPasswordHash: hash, hint: null })
    for (const credentials of [
      { email: 'a@b.cc', masterPasswordHash: 'wrong' },
      { email: 'nobody@b.cc', masterPasswordHash: hash },
      { email: 'a@b.cc\0', masterPasswordHash: hash },
    ]) {
      await expect(login(credentials)).rejects.toMatchObject({
        code: 'unauthenticated',
        message: 'Incorrect credentials',
      })
    }
  })

  test('gives every account an epoch of its own, so that no token fits another', async () => {
    await using store = await openSqliteStore()
    const { signUp } = rulesOver(store)
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

  test("keeps nobody out when an old verifier can't be rewritten at present", async () => {
    await using store = await openSqliteStore()
    const { login } = rulesOver(store)
    const [vector] = vectors.server_legacy_hash
    if (vector === undefined) throw new Error('no vector')
    const old = aUser({ email: vector.email, passwordHash: vector.stored })
    await store.write((tx) => tx.users.insert(old))
    using other = new Database(store.path)
    other.run('begin immediate')
    const { user } = await login({ email: old.email, masterPasswordHash: vector.sent })
    expect(user).toEqual(old)
    other.run('rollback')
    expect(await store.read((tx) => tx.users.findById(old.id))).toEqual(old)
  })

  test('notes when it was, once a minute at most', async () => {
    await using store = await openSqliteStore()
    const clock = fakeClock()
    const { signUp, login } = rulesOver(store, off, clock)
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

  test('refuses right credentials of a disabled account, and tells only those', async () => {
    await using store = await openSqliteStore()
    const { hasher, login } = rulesOver(store, required)
    const passwordHash = await hasher.hash(hash)
    const user = aUser({ email: 'a@b.cc', passwordHash, isDisabled: true, emailConfirmed: false })
    await store.write((tx) => tx.users.insert(user))
    for (const [masterPasswordHash, code] of [
      [hash, 'forbidden'],
      ['wrong', 'unauthenticated'],
    ] as const) {
      await expect(login({ email: 'a@b.cc', masterPasswordHash })).rejects.toMatchObject({ code })
    }
    expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(user)
  })

  test('refuses right credentials of an unconfirmed email, and tells only those', async () => {
    await using store = await openSqliteStore()
    const { hasher, login } = rulesOver(store, required)
    const passwordHash = await hasher.hash(hash)
    await store.write((tx) =>
      tx.users.insert(aUser({ email: 'a@b.cc', passwordHash, emailConfirmed: false })),
    )
    await expect(login({ email: 'a@b.cc', masterPasswordHash: hash })).rejects.toMatchObject({
      code: 'forbidden',
    })
    await expect(login({ email: 'a@b.cc', masterPasswordHash: 'wrong' })).rejects.toMatchObject({
      code: 'unauthenticated',
    })
  })
})

describe('the work of a login', () => {
  /** What a login asks of the hasher, whatever becomes of it. */
  async function workOf(store: TestStore, email: string, masterPasswordHash: string) {
    const { hasher, sessions } = rulesOver(store)
    using verify = spyOn(hasher, 'verify')
    const { login } = createLogin({
      store,
      hasher,
      sessions,
      confirmation: off,
      throttle: unlimitedLogins,
      loginEvents: createLoginEventBuffer({ clock: Date.now }),
      clock: Date.now,
    })
    await login({ email, masterPasswordHash }, { baseUrl, address: null }).catch(() => {})
    return verify.mock.calls.map(([{ includeLegacy }]) => ({ includeLegacy }))
  }

  test('is the same for known, unknown and old accounts, and heavier while any is old', async () => {
    await using store = await openSqliteStore()
    const { signUp } = rulesOver(store)
    await signUp({ id: 'u', email: 'new@b.cc', masterPasswordHash: hash, hint: null })
    const of = (email: string, sent = hash) => workOf(store, email, sent)
    const light = [{ includeLegacy: false }]
    expect([await of('new@b.cc'), await of('new@b.cc', 'x'), await of('nobody@b.cc')]).toEqual([
      light,
      light,
      light,
    ])

    const [vector] = vectors.server_legacy_hash
    if (vector === undefined) throw new Error('no vector')
    const old = aUser({ email: vector.email, passwordHash: vector.stored })
    await store.write((tx) => tx.users.insert(old))
    const heavy = [{ includeLegacy: true }]
    expect([await of('new@b.cc'), await of('nobody@b.cc'), await of(old.email, 'x')]).toEqual([
      heavy,
      heavy,
      heavy,
    ])
    // The good login of the last old account rewrites its verifier, and the weight is gone.
    expect(await of(old.email, vector.sent)).toEqual(heavy)
    expect(await of('nobody@b.cc')).toEqual(light)
    expect(await of(old.email, vector.sent)).toEqual(light)
    const found = await store.read((tx) => tx.users.findByEmail(old.email))
    expect(found?.passwordHash).toStartWith('$pbkdf2-sha512$i=1$')
  })
})
