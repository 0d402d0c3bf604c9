import { describe, expect, test } from 'bun:test'
import { createManagedUsers } from '../../src/domain/managed-users'
import type { PasswordHasher } from '../../src/domain/password-hash'
import { unlimitedRateLimiter } from '../../src/domain/rate-limiter'
import type { SignUpPolicy } from '../../src/domain/sign-up-policy'
import { createUsers } from '../../src/domain/users'
import { captureError } from '../support/capture-error'
import { openSqliteStore, type TestStore } from '../support/store'
import { fakeClock, patientTiming, random, watchOf } from '../support/timing'

const anna = 'anna@nas.local'
const clock = fakeClock()

/** Hashes at once, after what happens meanwhile. */
const hasherAfter = (meanwhile: () => Promise<unknown>): PasswordHasher => ({
  async hash() {
    await meanwhile()
    return '$hash'
  },
  verify: () => Promise.reject(new Error('nobody signs in')),
})

function signUp(store: TestStore, mode: SignUpPolicy['mode'], meanwhile = async () => {}) {
  const users = createUsers({
    ...patientTiming(),
    ...{ clockWatch: watchOf(clock), linkLifetime: 600_000 },
    ...{ store, random, clock, rateLimiter: unlimitedRateLimiter },
    hasher: hasherAfter(meanwhile),
    confirmation: { isRequired: false, emailQueue: null },
    signUps: { mode, domains: [] },
  })
  const request = {
    id: crypto.randomUUID(),
    email: 'Anna@NAS.local',
    masterPasswordHash: 'x',
    hint: null,
  }
  return users.signUp(request, { baseUrl: () => 'http://pi/', address: '10.0.0.1' })
}

const operator = (store: TestStore, mode: SignUpPolicy['mode'] = 'invited') =>
  createManagedUsers({
    ...{ store, random, clock, signUps: { mode, domains: [] } },
    hasher: hasherAfter(async () => {}),
  })

async function invite(store: TestStore, ...emails: string[]) {
  for (const email of emails) await operator(store).invite(email, null)
}

/** The accounts and the invitations. */
const stateOf = (store: TestStore) =>
  store.read(async (tx) => ({
    users: (await tx.users.listSummaries()).map(({ email }) => email),
    invitations: (await tx.invitations.list()).map(({ email }) => email),
    kinds: (await tx.audit.list({ after: 0, limit: 99, since: null, user: anna })).map(
      ({ kind }) => kind,
    ),
  }))

const other = 'other@nas.local'

describe('an invitation', () => {
  test('is used up by an account that an operator adds for its address', async () => {
    await using store = await openSqliteStore()
    await invite(store, anna, other)
    await operator(store).add({ email: 'ANNA@nas.local', masterPasswordHash: 'x' })
    expect(await stateOf(store)).toEqual({
      ...{ users: [anna], invitations: [other], kinds: ['invited', 'user-added'] },
    })
  })

  test.each(['invited', 'open'] as const)(
    'is used up by a sign-up while sign-up is %s',
    async (mode) => {
      await using store = await openSqliteStore()
      await invite(store, anna, other)
      await signUp(store, mode)
      expect(await stateOf(store)).toEqual({
        ...{ users: [anna], invitations: [other], kinds: ['invited', 'sign-up'] },
      })
      // It does not come back with the end of the account.
      const [user] = await store.read((tx) => tx.users.listSummaries())
      await operator(store).delete(user?.id ?? '')
      expect(await captureError(signUp(store, 'invited'))).toMatchObject({ code: 'forbidden' })
    },
  )

  test('that is withdrawn while the password is hashed is no longer valid', async () => {
    await using store = await openSqliteStore()
    await invite(store, anna)
    const signingUp = signUp(store, 'invited', () => operator(store).uninvite(anna))
    expect(await captureError(signingUp)).toMatchObject({
      code: 'forbidden',
      message: 'Sign-up is by invitation only at this server',
    })
    expect(await stateOf(store)).toEqual({
      ...{ users: [], invitations: [], kinds: ['invited', 'uninvited'] },
    })
  })

  test('is valid again once sign-up that was closed is opened to invited people', async () => {
    await using store = await openSqliteStore()
    await invite(store, anna)
    expect(await captureError(signUp(store, 'closed'))).toMatchObject({ code: 'forbidden' })
    expect(await stateOf(store)).toEqual({ users: [], invitations: [anna], kinds: ['invited'] })
    await signUp(store, 'invited')
    expect(await stateOf(store)).toMatchObject({ users: [anna], invitations: [] })
  })
})

test('a refused sign-up hashes no password', async () => {
  await using store = await openSqliteStore()
  let hashes = 0
  const count = async () => void hashes++
  expect(await captureError(signUp(store, 'invited', count))).toMatchObject({ code: 'forbidden' })
  expect(await captureError(signUp(store, 'closed', count))).toMatchObject({ code: 'forbidden' })
  expect(hashes).toBe(0)
  await signUp(store, 'open', count)
  expect(hashes).toBe(1)
})
