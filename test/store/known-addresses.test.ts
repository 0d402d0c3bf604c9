import { describe, expect, test } from 'bun:test'
import { startPostgresFirst } from '../support/postgres'
import { aUser, openPostgresStore, openSqliteStore, type TestStore } from '../support/store'

startPostgresFirst('newest')

const engines: readonly { engine: string; open: () => Promise<TestStore> }[] = [
  { engine: 'SQLite', open: openSqliteStore },
  { engine: 'Postgres', open: openPostgresStore },
]

describe.each(engines)('the known networks of an account on $engine', ({ open }) => {
  test('are stored with the time of the last sign-in, only the newest ones, and deleted with the account', async () => {
    await using store = await open()
    const [one, other] = [aUser(), aUser()]
    const remember = (userId: string, network: string, time: number) =>
      store.write((tx) => tx.knownAddresses.remember(userId, network, { time, max: 3 }))
    const find = (userId: string, network: string) =>
      store.read((tx) => tx.knownAddresses.findLastLoginTime(userId, network))
    await store.write(async (tx) => {
      await tx.users.insert(one)
      await tx.users.insert(other)
    })
    await remember(one.id, 'a', 1)
    await remember(other.id, 'a', 2)
    await remember(one.id, 'b', 3)
    await remember(one.id, 'a', 4)
    expect([await find(one.id, 'a'), await find(other.id, 'a'), await find(one.id, 'z')]).toEqual([
      4,
      2,
      null,
    ])
    // The later sign-ins of others make no network of this account too old.
    await remember(other.id, 'x', 20)
    await remember(other.id, 'y', 21)
    await remember(one.id, 'c', 5)
    await remember(one.id, 'd', 6)
    const left = ['a', 'b', 'c', 'd'].map((network) => find(one.id, network))
    expect(await Promise.all(left)).toEqual([4, null, 5, 6])
    expect(await find(other.id, 'a')).toBe(2)
    await store.write((tx) => tx.users.delete(one.id))
    expect(await find(one.id, 'd')).toBeNull()
  })
})
