import { describe, expect, test } from 'bun:test'
import { createAcmeChallenges } from '../../src/domain/acme-challenges'
import { startPostgresFirst } from '../support/postgres'
import { openSqliteStore, storeEngines } from '../support/store'
import { fakeClock, watchOf } from '../support/timing'

startPostgresFirst('newest')

const [one, two] = ['one-token-of-an-authority', 'two_tokens_of_an_authority']

describe.each(storeEngines)('ACME challenges on $engine', ({ open }) => {
  test('are found by their own token only, until they are removed', async () => {
    await using store = await open()
    const clock = fakeClock()
    const challenges = createAcmeChallenges({ store, clock, clockWatch: watchOf(clock) })
    await challenges.put(one, 'first')
    await challenges.put(two, 'second')
    await challenges.put(two, 'again')
    expect(await challenges.find(one)).toBe('first')
    expect(await challenges.find(two)).toBe('again')
    for (const unknown of ['', '%', `${one}x`, 'key_fingerprint', '../../etc/passwd']) {
      expect(await challenges.find(unknown)).toBeNull()
    }
    await challenges.remove(one)
    await challenges.remove(one)
    expect(await challenges.find(one)).toBeNull()
    expect(await challenges.find(two)).toBe('again')
  })

  test('of a killed server are deleted a day later, and nothing else is', async () => {
    await using store = await open()
    await store.write((tx) =>
      tx.backups.save({ since: 1, claimedUntil: 2, verified: null, failure: null }),
    )
    const clock = fakeClock()
    const challenges = createAcmeChallenges({ store, clock, clockWatch: watchOf(clock) })
    await challenges.put(one, 'left behind')
    clock.advance(24 * 3600_000 + 1)
    await challenges.put(two, 'second')
    expect(await challenges.find(one)).toBeNull()
    expect(await challenges.find(two)).toBe('second')
    expect(await store.read((tx) => tx.backups.find())).not.toBeNull()
  })
})

test('an ACME challenge is kept for exactly a day, and found by tokens of 16 to 256 characters', async () => {
  await using store = await openSqliteStore()
  const clock = fakeClock()
  const { put, find } = createAcmeChallenges({ store, clock, clockWatch: watchOf(clock) })
  const [shortest, longest] = ['s'.repeat(16), 'l'.repeat(256)]
  const others = ['s'.repeat(15), 'l'.repeat(257), 'a token of an authority', `${one}.`, `${one}\n`]
  for (const token of [shortest, longest, ...others]) await put(token, 'key')
  expect(await Promise.all([shortest, longest, ...others].map(find))).toEqual([
    ...['key', 'key'],
    ...others.map(() => null),
  ])
  // Another token costs no query.
  expect(await store.countStatements(() => Promise.all(others.map(find)))).toBe(0)
  clock.advance(24 * 3_600_000)
  await put(two, 'key')
  expect(await find(shortest)).toBe('key')
  clock.advance(1)
  await put(two, 'key')
  expect([await find(shortest), await find(two)]).toEqual([null, 'key'])
})
