import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { createDigest } from '../../src/crypto/digest'
import { createEmailConfirmation } from '../../src/domain/email-confirmation'
import { DomainError } from '../../src/domain/errors'
import { removeExpiredAccounts } from '../../src/domain/expired-accounts'
import { createLoginEventBuffer } from '../../src/domain/login-events'
import { createLoginThrottle } from '../../src/domain/login-throttle'
import type { PasswordHasher } from '../../src/domain/password-hash'
import { unlimitedRateLimiter } from '../../src/domain/rate-limiter'
import { defaultRateLimits } from '../../src/domain/rate-limits'
import { createSessions } from '../../src/domain/sessions'
import { createWrongCredentials } from '../../src/domain/wrong-credentials'
import { listAuditRows } from '../support/audit'
import { createTestHasher } from '../support/hasher'
import { createTestLogin } from '../support/login'
import { aUser, openSqliteStore, type SqliteTestStore } from '../support/store'
import { fakeClock, patientTiming, random, watchOf } from '../support/timing'
import { createTestTokens } from '../support/tokens'

const address = '10.0.0.1'

/** A login with rate limits, and an account whose master password hash is `right`. */
async function createLoginSetup(
  store: SqliteTestStore,
  change: Partial<ReturnType<typeof aUser>> = {},
  hashing: Partial<PasswordHasher> = {},
) {
  const clock = fakeClock()
  const hasher = { ...createTestHasher(), ...hashing }
  const user = aUser({ passwordHash: await hasher.hash('right'), ...change })
  await store.write((tx) => tx.users.insert(user))
  const tokens = createTestTokens(random(32), clock)
  const buffer = createLoginEventBuffer({ clock, monotonicClock: clock })
  const { login } = createTestLogin({
    ...patientTiming(),
    wrongCredentials: createWrongCredentials({ monotonicClock: clock, digest: String }),
    ...{ store, hasher, loginEvents: buffer, clock, clockWatch: watchOf(clock) },
    sessions: createSessions({ store, tokens }),
    confirmation: { isRequired: true, emailQueue: null },
    throttle: createLoginThrottle({
      ...{ limits: defaultRateLimits, monotonicClock: clock, onGuess: () => {} },
      digest: createDigest(random),
    }),
  })
  const attempt = (masterPasswordHash: string, email = user.email) =>
    login(
      { email, masterPasswordHash },
      { baseUrl: () => 'http://pi/', address, kind: 'windows' },
    ).then(
      () => 'signed in',
      (error) => error.code,
    )
  const drainRows = () =>
    buffer.drain().map(({ kind, email, count }) => [kind, email, count] as const)
  return { user, clock, buffer, attempt, drainRows, tokens }
}

describe('the audit log of logins', () => {
  test('contains a login in the commit of the login itself', async () => {
    await using store = await openSqliteStore()
    const { user, attempt, clock, drainRows } = await createLoginSetup(store)
    expect(await attempt('right')).toBe('signed in')
    expect(await listAuditRows(store)).toEqual([
      {
        ...{ number: 1, time: clock(), kind: 'login', actor: 'user', count: 1, detail: null },
        ...{ userId: user.id, email: user.email, address },
      },
    ])
    expect(await attempt('right')).toBe('signed in')
    expect(drainRows()).toEqual([])
    // The first login of the next hour has nothing else to write.
    clock.advance(59 * 60_000 + 30_000)
    await attempt('right')
    clock.advance(40_000)
    const before = await listAuditRows(store)
    await attempt('right')
    expect(await listAuditRows(store)).toEqual(before)
    expect(drainRows()).toEqual([
      ['login', user.email, 2],
      ['login', user.email, 1],
    ])
  })

  test('contains failed, limited and refused logins, without a commit of their own and without typed texts', async () => {
    await using store = await openSqliteStore()
    const { user, attempt, drainRows } = await createLoginSetup(store, { isDisabled: true })
    expect(await attempt('right')).toBe('forbidden')
    expect(await attempt('wrong', 'my master password')).toBe('unauthenticated')
    expect(await attempt('wrong', `${user.email}\0`)).toBe('unauthenticated')
    for (let index = 0; index < 10; index++)
      expect(await attempt(`wrong ${index}`)).toBe('unauthenticated')
    expect(await attempt('right')).toBe('rate_limited')
    expect(drainRows()).toEqual([
      ['login-refused', user.email, 1],
      ['login-failed', null, 1],
      ['login-failed', user.email, 1],
      ['login-limited', user.email, 1],
    ])
    expect(await listAuditRows(store)).toEqual([])
  })

  test.each([
    ['disabled', { isDisabled: true }],
    ['unconfirmed', { emailConfirmed: false }],
  ])('contains right credentials that are refused to an account that is %s', async (_, change) => {
    await using store = await openSqliteStore()
    const { user, attempt, drainRows } = await createLoginSetup(store, change)
    expect(await attempt('right')).toBe('forbidden')
    expect(drainRows()).toEqual([['login-refused', user.email, 1]])
  })

  test('contains nothing of an attempt that no hash was computed for', async () => {
    await using store = await openSqliteStore()
    const busy = () => Promise.reject(new DomainError('unavailable', 'Too many sign-ins at once'))
    const { attempt, drainRows } = await createLoginSetup(store, {}, { verify: busy })
    expect(await attempt('right')).toBe('unavailable')
    expect(drainRows()).toEqual([])
  })

  test('fails no login and loses nothing while the database accepts no writes', async () => {
    await using store = await openSqliteStore()
    const { user, attempt, drainRows } = await createLoginSetup(store)
    using other = new Database(store.path)
    other.run('begin immediate')
    expect(await attempt('right')).toBe('signed in')
    other.run('rollback')
    expect(await listAuditRows(store)).toEqual([])
    expect(drainRows()).toEqual([['login', user.email, 1]])
  })
})

test('the audit log contains a confirmation once, and all expired accounts in one row', async () => {
  await using store = await openSqliteStore()
  const { user, clock, tokens } = await createLoginSetup(store, { emailConfirmed: false })
  const rules = createEmailConfirmation({ store, tokens, rateLimiter: unlimitedRateLimiter, clock })
  const { id: userId, email } = user
  const link = await tokens.issue({ purpose: 'confirmation', userId, email })
  for (const outcome of ['confirmed', 'already']) {
    expect<string>(await rules.confirm(link, { address })).toBe(outcome)
  }
  expect(await rules.confirm('garbage', { address })).toBe('invalid')
  for (let index = 0; index < 3; index++)
    await store.write((tx) =>
      tx.users.insert(aUser({ emailConfirmed: false, creationTime: Date.UTC(2026, 0, 2) })),
    )
  expect(await removeExpiredAccounts({ store, clockWatch: watchOf(clock) }, 1)).toEqual({
    unconfirmed: 3,
    deleted: 0,
  })
  expect(await removeExpiredAccounts({ store, clockWatch: watchOf(clock) }, 1)).toEqual({
    unconfirmed: 0,
    deleted: 0,
  })
  expect(await listAuditRows(store)).toMatchObject([
    { kind: 'confirmation', actor: 'user', userId, email, address, count: 1 },
    { kind: 'users-expired', actor: 'server', userId: null, email: null, address: null, count: 3 },
  ])
})
