import { expect, test } from 'bun:test'
import { createDigest } from '../../src/crypto/digest'
import { createWrongCredentials } from '../../src/domain/wrong-credentials'
import { fakeClock, random } from '../support/timing'

const attempt = { email: 'owner@nas.local', masterPasswordHash: 'typo', passwordHash: '$pbkdf2$1' }

function create() {
  const clock = fakeClock()
  return {
    clock,
    wrong: createWrongCredentials({ monotonicClock: clock, digest: createDigest(random) }),
  }
}

test('wrong credentials are remembered for ten seconds', () => {
  const { clock, wrong } = create()
  expect(wrong.has(attempt)).toBeFalse()
  wrong.add(attempt)
  clock.advance(10_000)
  expect(wrong.has(attempt)).toBeTrue()
  clock.advance(1)
  expect(wrong.has(attempt)).toBeFalse()
})

test('others are not, nor the same ones after the account has changed', () => {
  const { wrong } = create()
  wrong.add(attempt)
  for (const other of [
    { email: 'other@nas.local' },
    { masterPasswordHash: 'right' },
    { passwordHash: '$pbkdf2$2' },
    { passwordHash: null },
  ]) {
    expect(wrong.has({ ...attempt, ...other })).toBeFalse()
  }
  wrong.add({ ...attempt, passwordHash: null })
  expect(wrong.has({ ...attempt, passwordHash: null })).toBeTrue()
  expect(wrong.has(attempt)).toBeTrue()
})

test('the oldest of more than a thousand are forgotten', () => {
  const { wrong } = create()
  const nth = (index: number) => ({ ...attempt, masterPasswordHash: `${index}` })
  for (let index = 0; index < 1_000; index++) wrong.add(nth(index))
  // Wrong once more, and so among the newest.
  wrong.add(nth(0))
  expect([0, 1, 999].map((index) => wrong.has(nth(index)))).toEqual([true, true, true])
  wrong.add(nth(1_000))
  expect([0, 1, 2, 1_000].map((index) => wrong.has(nth(index)))).toEqual([true, false, true, true])
})
