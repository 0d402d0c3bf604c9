import { describe, expect, test } from 'bun:test'
import { removeExpiredAccounts } from '../../src/domain/expired-accounts'
import { deleteOldVersions } from '../../src/domain/history-expiry'
import { startPostgresFirst } from '../support/postgres'
import { aUser, openVault, storeEngines, type TestStore } from '../support/store'
import { jumpingClock } from '../support/timing'

/* Versions are deleted after 30 days of a plausible clock, and what the accounts know of their history stays right. */

startPostgresFirst('newest')

const day = 86_400_000

/** A clock that jumps, a watch of it, and an account whose note `n` has been changed once per call of `change`. */
async function createMachine(store: TestStore) {
  const time = jumpingClock()
  const { clock, clockWatch } = time
  const entry = { isFavorite: false, isTrashed: false, creationTime: 1, updateTime: 2 }
  const ids = ['u', 'other']
  await store.write(async (tx) => {
    for (const id of ids) {
      await tx.users.insert(aUser({ id }))
      const { notes } = await openVault(tx, id)
      await notes.insert({ ...entry, id: `n of ${id}`, name: 'n:n', content: '0:0' })
    }
  })
  let changes = 0
  return {
    ...time,
    change: (id = 'u') =>
      store.write(async (tx) => {
        const { notes } = await openVault(tx, id, { now: clock(), maxBytes: 1e6 })
        const content = `${++changes}:x`
        await notes.update({ ...entry, id: `n of ${id}`, name: 'n:n', content })
      }),
    expire: () => deleteOldVersions({ store, clockWatch }),
    times: async (id = 'u') =>
      (await store.read((tx) => tx.history.list(id))).map(({ time }) => time),
  }
}

describe.each(storeEngines)('versions on $engine', ({ open }) => {
  test('are deleted after thirty days, those of each account, and the newer ones stay', async () => {
    await using store = await open()
    const { change, pass, expire, times, clock } = await createMachine(store)
    await change()
    await change('other')
    pass(day)
    await change()
    pass(29 * day - 1)
    expect(await expire()).toBe(0)
    pass(1)
    expect(await expire()).toBe(2)
    expect([await times(), await times('other')]).toEqual([[clock() - 29 * day], []])
    // What is kept afterwards counts from what is left.
    await change()
    expect(await times()).toEqual([clock(), clock() - 29 * day])
    pass(31 * day)
    expect(await expire()).toBe(2)
    expect(await store.read((tx) => tx.history.size(null))).toEqual({ versions: 0, bytes: 0 })
  })

  test('are deleted beside writers of the same vault, and what its account knows stays right', async () => {
    await using store = await open()
    const { change, pass, expire } = await createMachine(store)
    for (let round = 0; round < 20; round++) {
      await change()
      pass(5 * day)
      // One is old each time after the first six.
      await Promise.all([change(), expire(), change(), expire()])
    }
    const { bytes } = await store.read((tx) => tx.history.size('u'))
    // A history that may hold just as much loses nothing when an entry is kept that needs no room.
    const kept = await store.write(async (tx) => {
      const vault = await openVault(tx, 'u', { now: 0, maxBytes: bytes })
      await vault.history.keepAlways('note', ['nothing'])
      await vault.notes.update({
        ...{ id: 'n of u', name: 'n:n', content: 'end:x', isFavorite: false, isTrashed: false },
        updateTime: 3,
      })
      return await tx.history.size('u')
    })
    expect(kept.bytes).toBeLessThanOrEqual(bytes)
    expect(kept.bytes).toBeGreaterThan(bytes - 2 * 600)
  })

  test.each([3, 40, 365, 3_653])(
    'are not deleted by a clock that jumps %d days ahead, and are in their time',
    async (days) => {
      await using store = await open()
      const { change, jump, pass, expire, times } = await createMachine(store)
      await change()
      jump(days)
      await change('other')
      expect(await expire()).toBe(0)
      jump(-days)
      expect(await expire()).toBe(0)
      pass(30 * day - 1)
      expect(await expire()).toBe(0)
      expect([await times(), await times('other')].map(({ length }) => length)).toEqual([1, 1])
      pass(day / 24)
      expect(await expire()).toBe(2)
    },
  )

  test('are corrected once, whatever deletes by age afterwards', async () => {
    await using store = await open()
    const { change, jump, pass, expire, times, clock, clockWatch } = await createMachine(store)
    await change()
    const then = clock()
    pass(5 * day)
    jump(3)
    pass(day)
    // The corrected time is one that was wrong as well.
    await removeExpiredAccounts({ store, clockWatch }, 7)
    await expire()
    await expire()
    expect(await times()).toEqual([then + 3 * day])
  })

  test('have their whole time if the clock was behind when they were kept', async () => {
    await using store = await open()
    const { change, jump, pass, expire, times, clock } = await createMachine(store)
    await change()
    pass(60_000)
    jump(40)
    expect(await expire()).toBe(0)
    pass(day)
    expect(await expire()).toBe(0)
    const now = clock()
    expect(await times()).toEqual([now - day - 60_000])
    pass(29 * day)
    expect(await expire()).toBe(1)
  })

  test.each([
    ['1970', 60_000],
    ['a far future', Date.UTC(2050, 0, 1)],
  ])('that are dated in %s get the time at which that is seen', async (_, time) => {
    await using store = await open()
    const { change, pass, expire, times, clock } = await createMachine(store)
    const now = clock()
    clock.advance(time - now)
    await change()
    clock.advance(now - time)
    pass(60_000)
    expect(await expire()).toBe(0)
    expect(await times()).toEqual([clock()])
    pass(30 * day + 1)
    expect(await expire()).toBe(1)
  })
})
