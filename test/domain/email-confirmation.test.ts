import { expect, spyOn, test } from 'bun:test'
import { createEmailConfirmation } from '../../src/domain/email-confirmation'
import { createRateLimiter, unlimitedRateLimiter } from '../../src/domain/rate-limiter'
import type { TokenClaims } from '../../src/domain/tokens'
import { listAuditRows } from '../support/audit'
import { captureError } from '../support/capture-error'
import { aUser, openSqliteStore, withRevision } from '../support/store'
import { fakeClock, random } from '../support/timing'
import { createTestTokens } from '../support/tokens'

test('a confirmation link has each possible outcome', async () => {
  await using store = await openSqliteStore()
  const clock = fakeClock()
  const tokens = createTestTokens(random(32), clock)
  const { confirm } = createEmailConfirmation({
    store,
    tokens,
    rateLimiter: unlimitedRateLimiter,
    clock,
  })
  const user = aUser({ emailConfirmed: false })
  await store.write((tx) => tx.users.insert(user))
  const link = (change = {}) =>
    tokens.issue({ purpose: 'confirmation', userId: user.id, email: user.email, ...change })
  const confirmWith = (token: string) => confirm(token, { address: null })

  const good = await link()
  expect(await confirmWith(good)).toBe('confirmed')
  expect(await confirmWith(good)).toBe('already')
  expect(await confirmWith(await link({ userId: 'nobody' }))).toBe('no such user')
  expect(await confirmWith(await link({ email: 'other@nas.local' }))).toBe('no such user')
  expect(await confirmWith('garbage')).toBe('invalid')
  const session = { purpose: 'session', userId: user.id, epoch: user.sessionEpoch } as const
  expect(await confirmWith(await tokens.issue(session))).toBe('invalid')
  clock.advance(600_000)
  expect(await confirmWith(good)).toBe('expired')
})

test('looking at a confirmation link tells what it is good for, and changes nothing', async () => {
  await using store = await openSqliteStore()
  const clock = fakeClock()
  const tokens = createTestTokens(random(32), clock)
  const { check, confirm } = createEmailConfirmation({
    ...{ store, tokens, clock },
    rateLimiter: createRateLimiter({ max: 3, seconds: 60 }, clock),
  })
  const user = aUser({ emailConfirmed: false })
  await store.write((tx) => tx.users.insert(user))
  const link = (change = {}) =>
    tokens.issue({ purpose: 'confirmation', userId: user.id, email: user.email, ...change })
  const from = { address: '10.0.0.1' }
  const good = await link()
  for (let time = 0; time < 5; time++) expect(await check(good, from)).toBe('unconfirmed')
  expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user))
  expect(await listAuditRows(store)).toEqual([])
  expect(await confirm(good, from)).toBe('confirmed')
  expect(await check(good, from)).toBe('already')
  expect(await check(await link({ userId: 'nobody' }), from)).toBe('no such user')
  expect(await check(await link({ email: 'other@nas.local' }), from)).toBe('no such user')
  expect(await check('garbage', from)).toBe('invalid')
  clock.advance(600_000)
  expect(await check(good, from)).toBe('expired')
  // Both count, as they do where the button is pressed.
  for (let time = 0; time < 2; time++) expect(await confirm('garbage', from)).toBe('invalid')
  for (const look of [check, confirm])
    expect(await captureError(look(good, from))).toMatchObject({ code: 'rate_limited' })
})

test('only invalid and expired links count for the limit of their network of 64 bits, and a limited one is not looked at', async () => {
  await using store = await openSqliteStore()
  const clock = fakeClock()
  const key = random(32)
  const tokens = createTestTokens(key, clock)
  const rateLimiter = createRateLimiter({ max: 2, seconds: 60 }, clock)
  const { confirm } = createEmailConfirmation({ store, tokens, rateLimiter, clock })
  const user = aUser({ emailConfirmed: false })
  await store.write((tx) => tx.users.insert(user))
  const claims = { purpose: 'confirmation', userId: user.id, email: user.email } as const
  const link = (change: Partial<TokenClaims> = {}) =>
    tokens.issue({ ...claims, ...change } as TokenClaims)
  const expired = await createTestTokens(key, clock, { confirmation: -1 }).issue(claims)
  const confirmFrom = (host: string, token: string) =>
    confirm(token, { address: `2001:db8:1:2::${host}` }).catch((error: unknown) => error)
  const good = await link()
  for (let time = 0; time < 5; time++) {
    expect(await confirmFrom('1', await link({ userId: 'nobody' }))).toBe('no such user')
  }
  expect(await confirmFrom('1', 'garbage')).toBe('invalid')
  expect(await confirmFrom('2', expired)).toBe('expired')
  using verify = spyOn(tokens, 'verify')
  expect(await confirmFrom('3', good)).toMatchObject({ code: 'rate_limited', retryAfter: 60 })
  expect(verify).not.toHaveBeenCalled()
  expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user))
  expect(await listAuditRows(store)).toEqual([])

  clock.advance(59_999)
  expect(await confirmFrom('3', good)).toMatchObject({ code: 'rate_limited', retryAfter: 1 })
  expect(await confirm(good, { address: '10.0.0.1' })).toBe('confirmed')
  expect(await listAuditRows(store)).toEqual([
    {
      ...{ number: 1, time: clock(), kind: 'confirmation', actor: 'user', count: 1, detail: null },
      ...{ userId: user.id, email: user.email, address: '10.0.0.1' },
    },
  ])
})
