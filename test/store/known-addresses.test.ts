import { describe, expect, test } from 'bun:test'
import { aPostgresStore, aStore, aUser, type TestStore } from '../support/store'

const engines: readonly { engine: string; open: () => Promise<TestStore> }[] = [
  { engine: 'SQLite', open: aStore },
  { engine: 'Postgres', open: aPostgresStore },
]

describe.each(engines)('the networks of an account on $engine', ({ open }) => {
  test('are remembered with their last time, the newest alone, and go with the account', async () => {
    await using store = await open()
    const [one, other] = [aUser(), aUser()]
    const remember = (userId: string, network: string, time: number) =>
      store.write((scope) => scope.knownAddresses.remember(userId, network, { time, most: 3 }))
    const find = (userId: string, network: string) =>
      store.read((scope) => scope.knownAddresses.find(userId, network))
    await store.write(async (scope) => {
      await scope.users.insert(one)
      await scope.users.insert(other)
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
    await remember(one.id, 'c', 5)
    await remember(one.id, 'd', 6)
    const left = ['a', 'b', 'c', 'd'].map((network) => find(one.id, network))
    expect(await Promise.all(left)).toEqual([4, null, 5, 6])
    expect(await find(other.id, 'a')).toBe(2)
    await store.write((scope) => scope.users.delete(one.id))
    expect(await find(one.id, 'd')).toBeNull()
  })
})
