import { expect, test } from 'bun:test'
import { createTokens } from '../../src/crypto/tokens'
import { createEmailConfirmation } from '../../src/domain/email-confirmation'
import { unlimitedRateLimiter } from '../../src/domain/rate-limiter'
import { aUser, openSqliteStore } from '../support/store'
import { fakeClock, random } from '../support/timing'

test('a confirmation link has each possible outcome', async () => {
  await using store = await openSqliteStore()
  const clock = fakeClock()
  const tokens = createTokens(random(32), clock)
  const { confirm } = createEmailConfirmation({
    store,
    tokens,
    rateLimiter: unlimitedRateLimiter,
    clock,
  })
  const user = aUser({ emailConfirmed: false })
  await store.write((tx) => tx.users.insert(user))
  const link = (change = {}) =>
    tokens.issue({ purpose: 'confirmation', userId: user.id, email: user.email, ...change }, 60)
  const confirmWith = (token: string) => confirm(token, { address: null })

  const good = await link()
  expect(await confirmWith(good)).toBe('confirmed')
  expect(await confirmWith(good)).toBe('already')
  expect(await confirmWith(await link({ userId: 'nobody' }))).toBe('no such user')
  expect(await confirmWith(await link({ email: 'other@nas.local' }))).toBe('no such user')
  expect(await confirmWith('garbage')).toBe('invalid')
  const session = { purpose: 'session', userId: user.id, epoch: user.sessionEpoch } as const
  expect(await confirmWith(await tokens.issue(session, 60))).toBe('invalid')
  clock.advance(61_000)
  expect(await confirmWith(good)).toBe('expired')
})
