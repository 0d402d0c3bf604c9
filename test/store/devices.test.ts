import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import type { DeviceKind } from '../../src/domain/devices'
import { startPostgresFirst } from '../support/postgres'
import { aUser, openSqliteStore, storeEngines } from '../support/store'

startPostgresFirst('newest')

/** A time at which the program existed. */
const start = Date.UTC(2026, 10, 23)

describe.each(storeEngines)('the devices of an account on $engine', ({ open }) => {
  test('are stored with the times of the first and the last sign-in, only the newest ones, and deleted with the account', async () => {
    await using store = await open()
    const [one, other] = [aUser(), aUser()]
    const remember = (userId: string, kind: DeviceKind, network: string, time: number) =>
      store.write((tx) =>
        tx.devices.remember(userId, { kind, network }, { time: start + time, max: 3 }),
      )
    const list = async (userId: string) =>
      (await store.read((tx) => tx.devices.list(userId))).map(
        ({ kind, network, firstTime, lastTime }) =>
          `${kind} ${network} ${(firstTime ?? Number.NaN) - start} ${lastTime - start}`,
      )
    await store.write(async (tx) => {
      await tx.users.insert(one)
      await tx.users.insert(other)
    })
    await remember(one.id, 'edge', 'a', 1)
    await remember(other.id, 'edge', 'a', 2)
    await remember(one.id, 'android', 'a', 3)
    await remember(one.id, 'edge', 'a', 4)
    expect(await list(one.id)).toEqual(['edge a 1 4', 'android a 3 3'])
    const inNetwork = await store.read((tx) => tx.devices.listInNetwork(one.id, 'a'))
    expect(new Set(inNetwork.map(({ kind }) => kind))).toEqual(new Set(['edge', 'android']))
    expect(await store.read((tx) => tx.devices.listInNetwork(one.id, 'b'))).toEqual([])
    // The later sign-ins of others make no device of this account too old.
    await remember(other.id, 'edge', 'x', 20)
    await remember(one.id, 'edge', 'c', 5)
    await remember(one.id, 'edge', 'd', 6)
    expect(await list(one.id)).toEqual(['edge d 6 6', 'edge c 5 5', 'edge a 1 4'])
    expect(await list(other.id)).toEqual(['edge x 20 20', 'edge a 2 2'])
    await store.write((tx) => tx.users.delete(one.id))
    expect([await list(one.id), await list(other.id)]).toEqual([[], ['edge x 20 20', 'edge a 2 2']])
  })

  test('get a right first time for one that a wrong clock left', async () => {
    await using store = await open()
    const user = aUser()
    await store.write((tx) => tx.users.insert(user))
    const times: (number | null)[] = []
    for (const [index, wrong] of [0, Date.UTC(2000, 0), Date.UTC(2050, 0)].entries()) {
      const device = { kind: 'edge', network: String(index) } as const
      for (const time of [wrong, start, start + 1]) {
        await store.write((tx) => tx.devices.remember(user.id, device, { time, max: 3 }))
      }
      const found = await store.read((tx) => tx.devices.listInNetwork(user.id, device.network))
      times.push(...found.map(({ firstTime }) => firstTime))
    }
    expect(times).toEqual([start, start, start])
  })

  test('of unknown kind get a kind once, and keep their times', async () => {
    await using store = await open()
    const [user, neighbour] = [aUser(), aUser()]
    const unknown = { kind: 'unknown', network: 'a' } as const
    const identify = (kind: DeviceKind, network: string) =>
      store.write((tx) => tx.devices.identify(user.id, { kind, network }))
    await store.write(async (tx) => {
      for (const { id } of [user, neighbour]) {
        await tx.users.insert(aUser({ id }))
        await tx.devices.remember(id, unknown, { time: start, max: 3 })
      }
    })
    await identify('edge', 'b')
    await identify('android', 'a')
    await identify('edge', 'a')
    const [of, ofNeighbour] = await store.read((tx) =>
      Promise.all([tx.devices.list(user.id), tx.devices.list(neighbour.id)]),
    )
    const times = { firstTime: start, lastTime: start }
    expect(of).toEqual([{ kind: 'android', network: 'a', ...times }])
    expect(ofNeighbour).toEqual([{ ...unknown, ...times }])
  })
})

test('a kind that this version does not know is unknown', async () => {
  await using store = await openSqliteStore()
  const user = aUser()
  await store.write((tx) => tx.users.insert(user))
  using database = new Database(store.path)
  database.run(
    "insert into devices (user_id, kind, network, time) values (?, '<b>later</b>', 'a', 1)",
    [user.id],
  )
  const devices = await store.read((tx) => tx.devices.list(user.id))
  expect(devices).toEqual([{ kind: 'unknown', network: 'a', firstTime: null, lastTime: 1 }])
})
