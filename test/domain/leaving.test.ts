import { describe, expect, test } from 'bun:test'
import { createDigest } from '../../src/crypto/digest'
import { createAccount } from '../../src/domain/account'
import { createCredentialCheck } from '../../src/domain/credential-check'
import { createEmailConfirmation } from '../../src/domain/email-confirmation'
import { removeExpiredAccounts } from '../../src/domain/expired-accounts'
import { createLogin } from '../../src/domain/login'
import { createLoginEventBuffer } from '../../src/domain/login-events'
import { createLoginThrottle } from '../../src/domain/login-throttle'
import { createManagedUsers } from '../../src/domain/managed-users'
import { createEmailQueue } from '../../src/domain/outbox'
import { unlimitedRateLimiter } from '../../src/domain/rate-limiter'
import { defaultRateLimits } from '../../src/domain/rate-limits'
import { createSessions } from '../../src/domain/sessions'
import type { User } from '../../src/domain/user'
import { createUsers } from '../../src/domain/users'
import { createWrongCredentials } from '../../src/domain/wrong-credentials'
import { listAuditRows } from '../support/audit'
import { captureError } from '../support/capture-error'
import { createTestHasher } from '../support/hasher'
import { startPostgresFirst } from '../support/postgres'
import { unbounded } from '../support/session'
import { aUser, openVault, storeEngines, type TestStore } from '../support/store'
import { jumpingClock, patientTiming, random } from '../support/timing'
import { createTestTokens } from '../support/tokens'

startPostgresFirst('newest')

const day = 86_400_000
const address = '10.0.0.9'
const wrong = { code: 'unauthenticated', message: 'Incorrect credentials' }

/** A server with the account `owner@nas.local`, whose master password hash is `right`, and its operator. */
async function createServer(store: TestStore, change: Partial<User> = {}) {
  const { clock, monotonicClock, clockWatch, pass } = jumpingClock()
  const hasher = createTestHasher()
  const passwordHash = await hasher.hash('right')
  const user = aUser({ email: 'owner@nas.local', passwordHash, creationTime: clock(), ...change })
  await store.write((tx) => tx.users.insert(user))
  const tokens = createTestTokens(random(32), clock, { session: 30 * 86_400 })
  const sessions = createSessions({ store, tokens })
  const loginEvents = createLoginEventBuffer({ clock, monotonicClock })
  const emailQueue = createEmailQueue({ clock, random, wake: () => {} })
  const confirmation = { isRequired: true, emailQueue }
  const shared = { ...patientTiming(), store, hasher, loginEvents, clock, clockWatch, random }
  const credentialCheck = createCredentialCheck({
    ...{ ...shared, confirmation },
    wrongCredentials: createWrongCredentials({ monotonicClock, digest: String }),
    throttle: createLoginThrottle({
      ...{ limits: defaultRateLimits, monotonicClock, onGuess: () => {} },
      digest: createDigest(random),
    }),
  })
  const rules = { ...shared, sessions, credentialCheck }
  const { login } = createLogin(rules)
  const account = createAccount(rules)
  const signUps = { mode: 'open', domains: [] } as const
  const { signUp } = createUsers({
    ...{ ...shared, confirmation, signUps, linkLifetime: 600_000 },
    rateLimiter: unlimitedRateLimiter,
  })
  const from = { baseUrl: () => 'http://pi/', address }
  const outcome = (work: Promise<unknown>) =>
    work.then(
      () => 'done' as const,
      ({ code, message }: { code: string; message: string }) => ({ code, message }),
    )
  const credentials = (masterPasswordHash: string, email = user.email) => ({
    email,
    masterPasswordHash,
  })
  return {
    ...{ user, clock, monotonicClock, clockWatch, sessions, tokens, loginEvents },
    login: (hash = 'right') => outcome(login(credentials(hash), { ...from, kind: 'android' })),
    leave: (hash = 'right', email?: string) =>
      outcome(account.leave(credentials(hash, email), from)),
    signUp: (email: string) =>
      outcome(signUp({ id: crypto.randomUUID(), ...credentials('new', email), hint: null }, from)),
    managed: createManagedUsers({ ...shared, signUps }),
    links: createEmailConfirmation({ store, tokens, clock, rateLimiter: unlimitedRateLimiter }),
    emailQueue,
    cleanUp: () => removeExpiredAccounts({ store, clockWatch }, null),
    jump(milliseconds: number) {
      clock.advance(milliseconds)
      clockWatch.problem()
    },
    pass,
    deletionTime: async () =>
      (await store.read((tx) => tx.users.findById(user.id)))?.deletionTime ?? null,
  }
}

describe.each(storeEngines)('an account on $engine that its owner has deleted', ({ open }) => {
  test('can be brought back with its vault, signed out, for 7 days, and is gone then', async () => {
    await using store = await open()
    const server = await createServer(store)
    const { user, clock, pass, login, leave, managed, cleanUp, sessions, deletionTime } = server
    await store.write(async (tx) => {
      const entry = { isFavorite: false, isTrashed: false, creationTime: 1, updateTime: 1 }
      await (await openVault(tx, user.id)).notes.insert({
        ...{ id: 'n', name: 'n:n', content: 'c:c', ...entry },
      })
    })
    const token = await sessions.open(user)
    const expectSignedOut = async () => {
      const outcome = captureError((async () => await sessions.authenticate(token, unbounded))())
      expect(await outcome).toMatchObject({ code: 'unauthenticated', message: 'Token is invalid' })
    }
    expect(await leave()).toBe('done')
    expect(await deletionTime()).toBe(clock())
    await expectSignedOut()
    expect(await login()).toEqual(wrong)
    expect(await leave()).toEqual(wrong)
    pass(7 * day)
    expect(await cleanUp()).toEqual({ unconfirmed: 0, deleted: 0 })
    expect(await managed.undelete(user.email)).toBeTrue()
    expect(await managed.undelete(user.id)).toBeFalse()
    // One that was due when it was looked for, and brought back before its turn.
    expect(await store.write((tx) => tx.users.purge(user.id, clock() + 1))).toBeFalse()
    await expectSignedOut()
    expect(await login()).toBe('done')
    expect(await store.read((tx) => tx.notes.listByOwner(user.id))).toHaveLength(1)

    expect(await leave()).toBe('done')
    const left = clock()
    pass(7 * day + 1)
    expect(await cleanUp()).toEqual({ unconfirmed: 0, deleted: 1 })
    expect(await cleanUp()).toEqual({ unconfirmed: 0, deleted: 0 })
    expect(await store.read((tx) => tx.users.findById(user.id))).toBeNull()
    expect(await store.read((tx) => tx.notes.listByOwner(user.id))).toEqual([])
    expect(await store.read((tx) => tx.devices.list(user.id))).toEqual([])
    expect(await captureError(managed.undelete(user.id))).toMatchObject({ code: 'not_found' })
    await expectSignedOut()
    const about = { userId: user.id, email: user.email, detail: null, count: 1 }
    const byUser = { ...about, actor: 'user', address }
    const rows = await listAuditRows(store)
    expect(rows.map(({ kind }) => kind)).toEqual([
      ...['user-left', 'user-undeleted', 'login', 'user-left', 'user-deleted'],
    ])
    expect(rows.slice(-2)).toMatchObject([
      { ...byUser, kind: 'user-left', time: left },
      { ...about, kind: 'user-deleted', actor: 'server', address: null, time: clock() },
    ])
  })

  test('answers like an unknown one, and right credentials count as wrong ones', async () => {
    await using store = await open()
    const { login, leave, loginEvents, managed, user, monotonicClock } = await createServer(store)
    expect(await login()).toBe('done')
    loginEvents.drain('all')
    expect(await leave('not right')).toEqual(wrong)
    expect(await leave('right', 'nobody@nas.local')).toEqual(wrong)
    expect(await leave()).toBe('done')
    // Of ten distinct guesses from the network, which the account does not know any more, two are taken.
    for (let guess = 0; guess < 8; guess++) expect(await login(`guess ${guess}`)).toEqual(wrong)
    expect(await login()).toEqual(wrong)
    expect(await leave()).toMatchObject({ code: 'rate_limited' })
    expect(await login()).toMatchObject({ code: 'rate_limited' })
    const counts = loginEvents.drain('all').map(({ kind, email, count }) => [kind, email, count])
    expect(counts).toEqual([
      ['login-failed', user.email, 1],
      ['login-failed', null, 1],
      ['login-limited', user.email, 1],
      ['login-failed', user.email, 9],
      ['login-limited', user.email, 1],
    ])
    expect(await managed.undelete(user.id)).toBeTrue()
    monotonicClock.advance(day)
    expect(await login()).toBe('done')
  })

  test('keeps its email, and operators are told why', async () => {
    await using store = await open()
    const { user, signUp, leave, managed, pass, cleanUp } = await createServer(store)
    const invite = () => managed.invite(user.email, null)
    await leave()
    const taken = { code: 'conflict', message: 'User with this email already exists' }
    for (const email of [user.email, user.email.toUpperCase()])
      expect(await signUp(email)).toEqual(taken)
    for (const work of [invite, () => managed.requireFreeEmail(user.email)]) {
      expect(await captureError(work())).toMatchObject({
        code: 'conflict',
        message: `${user.email} already has an account, which its owner has deleted`,
        hint: expect.stringContaining(`snailpass user undelete ${user.email}`),
      })
    }
    pass(7 * day + 1)
    await cleanUp()
    expect(await signUp(user.email)).toBe('done')
  })

  test('is left alone by commands that would let it in, and can be deleted at once', async () => {
    await using store = await open()
    const { user, leave, managed, login } = await createServer(store)
    await leave()
    for (const verb of ['confirm', 'enable'] as const) {
      expect(await captureError(managed[verb](user.id))).toMatchObject({
        code: 'conflict',
        message: `the owner of ${user.email} has deleted the account`,
        hint: `bring it back with \`snailpass user undelete ${user.email}\` first`,
      })
    }
    const before = await listAuditRows(store)
    expect(await managed.logout(user.id)).toBeFalse()
    expect(await listAuditRows(store)).toEqual(before)
    // Someone else may have deleted it.
    expect(await managed.disable(user.id)).toBeTrue()
    expect(await managed.undelete(user.id)).toBeTrue()
    expect(await login()).toMatchObject({ code: 'forbidden' })
    await managed.enable(user.id)
    expect(await leave()).toBe('done')
    await managed.delete(user.id)
    expect(await managed.list()).toEqual([])
  })

  test('gets no email, and its links do nothing', async () => {
    await using store = await open()
    const server = await createServer(store, { emailConfirmed: false })
    const { user, emailQueue, tokens, links, managed, clock } = server
    const queue = () =>
      store.write((tx) => emailQueue.queueConfirmation(tx, user, () => 'http://pi/'))
    const emails = async () => (await store.read((tx) => tx.outbox.list())).length
    await queue()
    expect(await emails()).toBe(1)
    // Where emails need no confirmation, an account that is not confirmed can sign in, and leave.
    expect(
      await store.write((tx) => tx.users.hide(user, { time: clock(), epoch: 'next' })),
    ).toBeTrue()
    expect(await emails()).toBe(0)
    clock.advance(day)
    await queue()
    expect(await emails()).toBe(0)
    const claims = { purpose: 'confirmation', userId: user.id, email: user.email } as const
    const link = await tokens.issue(claims)
    expect(await links.check(link, { address })).toBe('no such user')
    expect(await links.confirm(link, { address })).toBe('no such user')
    expect(await managed.require(user.id)).toMatchObject({ emailConfirmed: false })
    // Its week is not cut short.
    clock.advance(day)
    expect(await store.write((tx) => tx.users.deleteUnconfirmed(clock()))).toBe(0)
    expect(await store.write((tx) => tx.users.deleteAbandoned(user.email, clock()))).toBe(0)
    expect(await managed.undelete(user.id)).toBeTrue()
    expect(await links.check(link, { address })).toBe('expired')
    expect(await links.confirm(await tokens.issue(claims), { address })).toBe('confirmed')
  })

  test.each([14, 3_653, -365, -20_000])(
    'is not purged by a clock that jumps %d days, and is in its time',
    async (days) => {
      await using store = await open()
      const { leave, jump, pass, cleanUp, deletionTime } = await createServer(store)
      await leave()
      jump(days * day)
      expect((await cleanUp()).deleted).toBe(0)
      jump(-days * day)
      pass(7 * day)
      expect((await cleanUp()).deleted).toBe(0)
      expect(await deletionTime()).not.toBeNull()
      pass(1)
      expect((await cleanUp()).deleted).toBe(1)
    },
  )

  test.each([21, 3_653, -365, -20_000])(
    'while the clock was %d days wrong has its week from then on',
    async (days) => {
      await using store = await open()
      const { leave, jump, pass, cleanUp } = await createServer(store)
      jump(days * day)
      expect(await leave()).toBe('done')
      pass(60_000)
      jump(-days * day)
      expect((await cleanUp()).deleted).toBe(0)
      pass(7 * day - 120_000)
      expect((await cleanUp()).deleted).toBe(0)
      pass(180_000)
      expect((await cleanUp()).deleted).toBe(1)
    },
  )

  test.each([0, Date.UTC(2000, 0), Date.UTC(2050, 0)])(
    'at the impossible time %d has its week from the first look',
    async (time) => {
      await using store = await open()
      const { clock, pass, cleanUp, deletionTime } = await createServer(store, {
        deletionTime: time,
      })
      expect((await cleanUp()).deleted).toBe(0)
      expect(await deletionTime()).toBe(clock())
      pass(7 * day + 1)
      expect((await cleanUp()).deleted).toBe(1)
    },
  )
})

describe.each(storeEngines)('deleting the own account on $engine', ({ open }) => {
  test.each([
    ['disabled', { isDisabled: true }],
    ['unconfirmed', { emailConfirmed: false }],
  ])('is refused to an account that is %s', async (_, change) => {
    await using store = await open()
    const { leave, deletionTime } = await createServer(store, change)
    expect(await leave()).toMatchObject({ code: 'forbidden' })
    expect(await leave('not right')).toEqual(wrong)
    expect(await deletionTime()).toBeNull()
    expect((await listAuditRows(store)).map(({ kind }) => kind)).toEqual([])
  })

  test('is refused if the sessions ended after the check, and happens once', async () => {
    await using store = await open()
    const { user, clock } = await createServer(store)
    const hide = (sessionEpoch: string) =>
      store.write((tx) =>
        tx.users.hide({ id: user.id, sessionEpoch }, { time: clock(), epoch: 'next' }),
      )
    expect(await hide('another')).toBeFalse()
    const outcomes = await Promise.all([1, 2, 3].map(() => hide(user.sessionEpoch)))
    expect(outcomes.sort()).toEqual([false, false, true])
    expect(await hide('next')).toBeFalse()
  })
})
