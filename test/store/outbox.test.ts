import { describe, expect, test } from 'bun:test'
import type { Store } from '../../src/domain/store'
import { startPostgresFirst } from '../support/postgres'
import { allStoreEngines, aUser, openVault } from '../support/store'

startPostgresFirst('newest', 'oldest')

/** Inserts an unconfirmed account and queues an email to it that was created at this time. */
async function insertEmail(store: Store, id: string, creationTime: number) {
  const user = aUser({ emailConfirmed: false })
  const email = {
    id,
    userId: user.id,
    kind: 'confirmation',
    baseUrl: 'http://pi/',
    creationTime,
  } as const
  await store.write(async (tx) => {
    await tx.users.insert(user)
    await tx.outbox.put(email)
  })
  return { user, email }
}

const lease = (store: Store, id: string, now: number, until: number) =>
  store.write((tx) => tx.outbox.lease({ id, now, until, latest: now + 100_000, canTakeOver: true }))
const list = (store: Store) => store.read((tx) => tx.outbox.list())

describe.each(allStoreEngines)('the outbox on $engine', ({ open }) => {
  test('stores emails, counts the queued ones and knows whether one is due', async () => {
    await using store = await open()
    expect(await list(store)).toEqual([])
    const { user, email } = await insertEmail(store, 'a', 1_000)
    await insertEmail(store, 'b', 500)
    expect((await list(store))[0]).toEqual({
      ...email,
      email: user.email,
      state: 'queued',
      attempts: 0,
      nextTime: 1_000,
      reason: null,
    })
    expect(await store.read((tx) => tx.outbox.countByState())).toEqual({
      queued: 2,
      sending: 0,
      dead: 0,
    })
    const hasDue = (now: number, latest: number) =>
      store.read((tx) => tx.outbox.hasDue({ now, latest }))
    expect(await hasDue(499, 1_000)).toBeFalse()
    expect(await hasDue(500, 1_000)).toBeTrue()
    expect(await hasDue(499, 999)).toBeTrue()
  })

  test('leases a due email to one worker at a time, the longest waiting first', async () => {
    await using store = await open()
    const { user, email } = await insertEmail(store, 'a', 1_000)
    await insertEmail(store, 'b', 500)
    expect(await lease(store, 'x', 499, 2_000)).toBeNull()
    expect((await lease(store, 'x', 1_500, 2_000))?.id).toBe('b')
    expect(await lease(store, 'y', 1_500, 2_000)).toEqual({
      ...email,
      email: user.email,
      attempts: 1,
      lease: 'y',
    })
    expect(await lease(store, 'z', 1_999, 3_000)).toBeNull()
    // The worker with the first lease did not come back.
    expect(await lease(store, 'z', 2_000, 3_000)).toMatchObject({ attempts: 2, lease: 'z' })
  })

  test('leases each of many emails once to workers that ask at the same time', async () => {
    await using store = await open()
    for (let index = 0; index < 8; index++) await insertEmail(store, `e${index}`, 0)
    const leased = await Promise.all(
      Array.from({ length: 12 }, (_, index) => lease(store, `x${index}`, 1_000, 2_000)),
    )
    const ids = leased.flatMap((email) => (email === null ? [] : [email.id]))
    expect(ids.sort()).toEqual(['e0', 'e1', 'e2', 'e3', 'e4', 'e5', 'e6', 'e7'])
  })

  test('accepts changes from the holder of the lease only', async () => {
    await using store = await open()
    await insertEmail(store, 'a', 0)
    const oldLease = await lease(store, 'old', 0, 1_000)
    const currentLease = await lease(store, 'holder', 1_000, 2_000)
    if (oldLease === null || currentLease === null) throw new Error('nothing was leased')
    await store.write(async (tx) => {
      await tx.outbox.delete(oldLease)
      await tx.outbox.markDead(oldLease, 'late')
      await tx.outbox.postpone(oldLease, { nextTime: 0, reason: 'late' })
    })
    expect(await list(store)).toMatchObject([{ state: 'sending', nextTime: 2_000, reason: null }])
    await store.write((tx) => tx.outbox.postpone(currentLease, { nextTime: 5_000, reason: 'busy' }))
    expect(await list(store)).toMatchObject([
      { state: 'queued', attempts: 2, nextTime: 5_000, reason: 'busy' },
    ])
    const last = await lease(store, 'last', 5_000, 6_000)
    if (last === null) throw new Error('nothing was leased')
    await store.write((tx) => tx.outbox.delete(last))
    expect(await list(store)).toEqual([])
  })

  test('marks an email as dead, and retries it from the beginning on request', async () => {
    await using store = await open()
    await insertEmail(store, 'a', 0)
    await insertEmail(store, 'b', 0)
    const email = await lease(store, 'x', 0, 1_000)
    if (email === null) throw new Error('nothing was leased')
    await store.write((tx) => tx.outbox.markDead(email, '550 no such user'))
    expect((await list(store))[0]).toMatchObject({ state: 'dead', reason: '550 no such user' })
    expect((await lease(store, 'y', 9_000, 9_500))?.id).toBe('b')
    expect(await lease(store, 'z', 9_000, 9_500)).toBeNull()
    const retried = await store.write(async (tx) => [
      await tx.outbox.retry({ id: 'nothing such' }, 9_000),
      await tx.outbox.retry('dead', 9_000),
      await tx.outbox.retry('dead', 9_000),
      await tx.outbox.retry({ id: 'a' }, 9_100),
    ])
    expect(retried).toEqual([0, 1, 0, 1])
    expect((await list(store))[0]).toMatchObject({
      state: 'queued',
      attempts: 0,
      creationTime: 9_100,
      nextTime: 9_100,
    })
  })

  test('retries all emails on request, but for those that are being sent', async () => {
    await using store = await open()
    for (const id of ['dead', 'sending', 'waiting']) await insertEmail(store, id, 0)
    const first = await lease(store, 'x', 0, 1_000)
    if (first === null) throw new Error('nothing was leased')
    await store.write((tx) => tx.outbox.markDead(first, '550 no such user'))
    await lease(store, 'y', 0, 9_500)
    expect(await store.write((tx) => tx.outbox.retry('all', 9_000))).toBe(2)
    const states = (await list(store)).map(({ id, state, nextTime }) => [id, state, nextTime])
    expect(states).toEqual([
      ['dead', 'queued', 9_000],
      ['sending', 'sending', 9_500],
      ['waiting', 'queued', 9_000],
    ])
  })

  test('releases every lease of a worker that has ended', async () => {
    await using store = await open()
    await insertEmail(store, 'a', 0)
    await lease(store, 'x', 0, 90_000)
    await store.write((tx) => tx.outbox.releaseAllLeases(1_000))
    expect((await lease(store, 'y', 1_000, 2_000))?.id).toBe('a')
  })

  test('keeps only the last requested email of a kind to an account', async () => {
    await using store = await open()
    const { email } = await insertEmail(store, 'a', 0)
    const sending = await lease(store, 'x', 0, 5_000)
    await store.write((tx) => tx.outbox.put({ ...email, id: 'b', creationTime: 1_000 }))
    await store.write((tx) => tx.outbox.put({ ...email, id: 'c', creationTime: 2_000 }))
    expect((await list(store)).map(({ id }) => id)).toEqual(['a', 'c'])
    if (sending === null) throw new Error('nothing was leased')
    // An operator's retry does not send an email twice that is being sent.
    const retried = await store.write((tx) => tx.outbox.retry({ id: 'a' }, 2_000))
    expect(retried).toBe(0)
    await store.write((tx) => tx.outbox.delete(sending))
    expect((await list(store)).map(({ id }) => id)).toEqual(['c'])
  })

  test('deletes the pending emails of an account when it is confirmed', async () => {
    await using store = await open()
    const { user } = await insertEmail(store, 'a', 0)
    await store.write((tx) => tx.users.confirmEmail(user.id, user.email))
    expect(await list(store)).toEqual([])
  })

  test('does not wait for a due time that only a wrong clock can have set', async () => {
    await using store = await open()
    const { user } = await insertEmail(store, 'a', 500_000)
    expect((await lease(store, 'x', 1_000, 2_000))?.id).toBe('a')
    const claim = (now: number) =>
      store.write((tx) =>
        tx.users.claimConfirmationEmail(user.id, { now, unlessRequestedSince: now - 300 }),
      )
    expect([await claim(500_000), await claim(1_000)]).toEqual([true, true])
  })

  test('deletes the emails of an account with the account', async () => {
    await using store = await open()
    await insertEmail(store, 'a', 0)
    expect(await store.write((tx) => tx.users.deleteUnconfirmed(5_000))).toBe(1)
    expect(await list(store)).toEqual([])
  })

  test('lets an unconfirmed account request an email, and the next one only after an interval', async () => {
    await using store = await open()
    const user = aUser({ emailConfirmed: false })
    await store.write((tx) => tx.users.insert(user))
    const claim = (now: number) =>
      store.write((tx) =>
        tx.users.claimConfirmationEmail(user.id, { now, unlessRequestedSince: now - 300 }),
      )
    expect([await claim(1_000), await claim(1_299), await claim(1_300)]).toEqual([
      true,
      false,
      true,
    ])
    await store.write((tx) => tx.users.confirmEmail(user.id, user.email))
    expect(await claim(9_000)).toBeFalse()
  })

  test('deletes old unconfirmed accounts with an empty vault, and no others', async () => {
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
    await store.write(async (tx) => {
      for (const user of [old, young, confirmed, owner, writer]) await tx.users.insert(user)
      const record = { ...entry, id: 'r', login: 'l:l', password: 'p:p' }
      await (await openVault(tx, owner.id)).records.insert(record)
      await (await openVault(tx, writer.id)).notes.insert({ ...entry, id: 'n', content: 'c:c' })
    })
    expect(await store.write((tx) => tx.users.deleteUnconfirmed(2_000))).toBe(1)
    const left = await store.read((tx) =>
      Promise.all([old, young, confirmed, owner, writer].map(({ id }) => tx.users.findById(id))),
    )
    expect(left.map(Boolean)).toEqual([false, true, true, true, true])
  })
})
