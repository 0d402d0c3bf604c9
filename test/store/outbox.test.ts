import { describe, expect, test } from 'bun:test'
import type { Store } from '../../src/domain/store'
import { aPostgresStore, aStore, aUser, type TestStore } from '../support/store'

const engines: { engine: string; open: () => Promise<TestStore> }[] = [
  { engine: 'SQLite', open: aStore },
  { engine: 'Postgres', open: () => aPostgresStore() },
  { engine: 'Postgres 10', open: () => aPostgresStore('oldest') },
]

/** An account with a letter that was asked for at this time. */
async function withLetter(store: Store, id: string, creationTime: number) {
  const user = aUser({ emailConfirmed: false })
  const letter = {
    id,
    userId: user.id,
    kind: 'confirmation',
    baseUrl: 'http://pi/',
    creationTime,
  } as const
  await store.write(async (scope) => {
    await scope.users.insert(user)
    await scope.outbox.put(letter)
  })
  return { user, letter }
}

const lease = (store: Store, id: string, now: number, until: number) =>
  store.write((scope) => scope.outbox.lease({ id, now, until, latest: now + 100_000 }))
const list = (store: Store) => store.read((scope) => scope.outbox.list())

describe.each(engines)('the outbox on $engine', ({ open }) => {
  test('keeps what it is given, and says how much waits and until when', async () => {
    await using store = await open()
    expect(await list(store)).toEqual([])
    const { user, letter } = await withLetter(store, 'a', 1_000)
    await withLetter(store, 'b', 500)
    expect((await list(store))[0]).toEqual({
      ...letter,
      email: user.email,
      state: 'queued',
      attempts: 0,
      nextTime: 1_000,
      reason: null,
    })
    const [next, count] = await store.read(async (scope) => [
      await scope.outbox.findNextTime(),
      await scope.outbox.countQueued(),
    ])
    expect({ next, count }).toEqual({ next: 500, count: 2 })
  })

  test('lends a letter that is due to one at a time, the longest waiting first', async () => {
    await using store = await open()
    const { user, letter } = await withLetter(store, 'a', 1_000)
    await withLetter(store, 'b', 500)
    expect(await lease(store, 'x', 499, 2_000)).toBeNull()
    expect((await lease(store, 'x', 1_500, 2_000))?.id).toBe('b')
    expect(await lease(store, 'y', 1_500, 2_000)).toEqual({
      ...letter,
      email: user.email,
      attempts: 1,
      lease: 'y',
    })
    expect(await lease(store, 'z', 1_999, 3_000)).toBeNull()
    // A relay that did not come back.
    expect(await lease(store, 'z', 2_000, 3_000)).toMatchObject({ attempts: 2, lease: 'z' })
  })

  test('lends each of many letters once, to relays that ask at the same time', async () => {
    await using store = await open()
    for (let index = 0; index < 8; index++) await withLetter(store, `l${index}`, 0)
    const leased = await Promise.all(
      Array.from({ length: 12 }, (_, index) => lease(store, `x${index}`, 1_000, 2_000)),
    )
    const ids = leased.flatMap((letter) => (letter === null ? [] : [letter.id]))
    expect(ids.sort()).toEqual(['l0', 'l1', 'l2', 'l3', 'l4', 'l5', 'l6', 'l7'])
  })

  test('obeys whoever has the lease, and nobody else', async () => {
    await using store = await open()
    await withLetter(store, 'a', 0)
    const former = await lease(store, 'former', 0, 1_000)
    const holder = await lease(store, 'holder', 1_000, 2_000)
    if (former === null || holder === null) throw new Error('nothing was lent')
    await store.write(async (scope) => {
      await scope.outbox.delete(former)
      await scope.outbox.bury(former, 'late')
      await scope.outbox.postpone(former, { nextTime: 0, reason: 'late' })
    })
    expect(await list(store)).toMatchObject([{ state: 'sending', nextTime: 2_000, reason: null }])
    await store.write((scope) => scope.outbox.postpone(holder, { nextTime: 5_000, reason: 'busy' }))
    expect(await list(store)).toMatchObject([
      { state: 'queued', attempts: 2, nextTime: 5_000, reason: 'busy' },
    ])
    const last = await lease(store, 'last', 5_000, 6_000)
    if (last === null) throw new Error('nothing was lent')
    await store.write((scope) => scope.outbox.delete(last))
    expect(await list(store)).toEqual([])
  })

  test('buries a letter, and has it tried again from the beginning', async () => {
    await using store = await open()
    await withLetter(store, 'a', 0)
    await withLetter(store, 'b', 0)
    const letter = await lease(store, 'x', 0, 1_000)
    if (letter === null) throw new Error('nothing was lent')
    await store.write((scope) => scope.outbox.bury(letter, '550 no such user'))
    expect((await list(store))[0]).toMatchObject({ state: 'dead', reason: '550 no such user' })
    expect((await lease(store, 'y', 9_000, 9_500))?.id).toBe('b')
    expect(await lease(store, 'z', 9_000, 9_500)).toBeNull()
    const retried = await store.write(async (scope) => [
      await scope.outbox.retry({ id: 'nothing such' }, 9_000),
      await scope.outbox.retry('dead', 9_000),
      await scope.outbox.retry('dead', 9_000),
      await scope.outbox.retry({ id: 'a' }, 9_100),
    ])
    expect(retried).toEqual([0, 1, 0, 1])
    expect((await list(store))[0]).toMatchObject({
      state: 'queued',
      attempts: 0,
      creationTime: 9_100,
      nextTime: 9_100,
    })
  })

  test('ends every lease of a relay that is gone', async () => {
    await using store = await open()
    await withLetter(store, 'a', 0)
    await lease(store, 'x', 0, 90_000)
    await store.write((scope) => scope.outbox.releaseAll(1_000))
    expect((await lease(store, 'y', 1_000, 2_000))?.id).toBe('a')
  })

  test('has one letter to an account about one thing, the last that was asked for', async () => {
    await using store = await open()
    const { letter } = await withLetter(store, 'a', 0)
    const under = await lease(store, 'x', 0, 5_000)
    await store.write((scope) => scope.outbox.put({ ...letter, id: 'b', creationTime: 1_000 }))
    await store.write((scope) => scope.outbox.put({ ...letter, id: 'c', creationTime: 2_000 }))
    expect((await list(store)).map(({ id }) => id)).toEqual(['a', 'c'])
    if (under === null) throw new Error('nothing was lent')
    // What is being sent is not sent a second time by an impatient operator.
    const retried = await store.write((scope) => scope.outbox.retry({ id: 'a' }, 2_000))
    expect(retried).toBe(0)
    await store.write((scope) => scope.outbox.delete(under))
    expect((await list(store)).map(({ id }) => id)).toEqual(['c'])
  })

  test('has nothing left to ask of an account that is confirmed', async () => {
    await using store = await open()
    const { user } = await withLetter(store, 'a', 0)
    await store.write((scope) => scope.users.confirmEmail(user.id, user.email))
    expect(await list(store)).toEqual([])
  })

  test('does not wait for a time that only a wrong clock can have named', async () => {
    await using store = await open()
    const { user } = await withLetter(store, 'a', 500_000)
    expect((await lease(store, 'x', 1_000, 2_000))?.id).toBe('a')
    const claim = (now: number) =>
      store.write((scope) => scope.users.claimLetter(user.id, { now, unlessSince: now - 300 }))
    expect([await claim(500_000), await claim(1_000)]).toEqual([true, true])
  })

  test('loses the letters of an account with the account', async () => {
    await using store = await open()
    await withLetter(store, 'a', 0)
    expect(await store.write((scope) => scope.users.deleteUnconfirmed(5_000))).toBe(1)
    expect(await list(store)).toEqual([])
  })

  test('lets an unconfirmed account ask for a letter, and for the next one only later', async () => {
    await using store = await open()
    const user = aUser({ emailConfirmed: false })
    await store.write((scope) => scope.users.insert(user))
    const claim = (now: number) =>
      store.write((scope) => scope.users.claimLetter(user.id, { now, unlessSince: now - 300 }))
    expect([await claim(1_000), await claim(1_299), await claim(1_300)]).toEqual([
      true,
      false,
      true,
    ])
    await store.write((scope) => scope.users.confirmEmail(user.id, user.email))
    expect(await claim(9_000)).toBeFalse()
  })

  test('removes old unconfirmed accounts that hold nothing, and no others', async () => {
    await using store = await open()
    const at = (creationTime: number, emailConfirmed: boolean) =>
      aUser({ creationTime, emailConfirmed })
    const [old, young, confirmed, owner, writer] = [
      at(1_000, false),
      at(3_000, false),
      at(1_000, true),
      at(1_000, false),
      at(1_000, false),
    ]
    const entry = {
      isFavorite: false,
      isTrashed: true,
      creationTime: 0,
      updateTime: 0,
      name: 'n:n',
    }
    await store.write(async (scope) => {
      for (const user of [old, young, confirmed, owner, writer]) await scope.users.insert(user)
      await scope.records.insert({
        ...entry,
        id: 'r',
        owner: owner.id,
        login: 'l:l',
        password: 'p:p',
      })
      await scope.notes.insert({ ...entry, id: 'n', owner: writer.id, content: 'c:c' })
    })
    expect(await store.write((scope) => scope.users.deleteUnconfirmed(2_000))).toBe(1)
    const left = await store.read((scope) =>
      Promise.all([old, young, confirmed, owner, writer].map(({ id }) => scope.users.findById(id))),
    )
    expect(left.map(Boolean)).toEqual([false, true, true, true, true])
  })
})
