import { describe, expect, test } from 'bun:test'
import { createLoginEventBuffer, type LoginEventKind } from '../../src/domain/login-events'
import { fakeClock } from '../support/timing'

const hour = 60 * 60_000
const owner = { id: 'u', email: 'owner@nas.local' }

function createTestBuffer() {
  const [clock, monotonicClock] = [fakeClock(1_000), fakeClock(0)]
  const buffer = createLoginEventBuffer({ clock, monotonicClock })
  const pass = (milliseconds: number) => {
    clock.advance(milliseconds)
    monotonicClock.advance(milliseconds)
  }
  const record = (
    kind: LoginEventKind,
    address: string | null = '10.0.0.1',
    user: typeof owner | null = owner,
  ) => buffer.record({ kind, user, address })
  const drainRows = (all?: 'all') =>
    buffer
      .drain(all)
      .map(({ time, kind, email, address, count, detail }) => [
        ...[time, kind, email, address, count],
        ...(detail === null ? [] : [detail]),
      ])
  return { clock, monotonicClock, pass, buffer, record, drainRows }
}

describe('login events, for the audit log,', () => {
  test('get a row for the first of an hour, and one with the number of the others at its end', () => {
    const { pass, record, drainRows } = createTestBuffer()
    for (let index = 0; index < 40; index++) {
      record('login-failed')
      pass(1_000)
    }
    record('login')
    expect(drainRows()).toEqual([
      [1_000, 'login-failed', owner.email, '10.0.0.1', 1],
      [41_000, 'login', owner.email, '10.0.0.1', 1],
    ])
    expect(drainRows()).toEqual([])
    pass(hour)
    expect(drainRows()).toEqual([[40_000, 'login-failed', owner.email, '10.0.0.1', 39]])
    expect(drainRows()).toEqual([])
    record('login-failed')
    expect(drainRows()).toEqual([[3_641_000, 'login-failed', owner.email, '10.0.0.1', 1]])
  })

  test('of a client that signs in every ten minutes take two rows an hour', () => {
    const { pass, buffer, record } = createTestBuffer()
    let rows = 0
    for (let index = 0; index < 24 * 6; index++) {
      record('login')
      rows += buffer.drain().length
      pass(10 * 60_000)
    }
    expect(rows + buffer.drain().length).toBe(48)
  })

  test('are counted by kind, account and network', () => {
    const { record, drainRows } = createTestBuffer()
    record('login', '10.0.0.1')
    record('login', '10.0.0.2')
    record('login-refused', '10.0.0.1')
    record('login', '2001:db8:1:2::1')
    record('login', '2001:db8:1:2::2')
    record('login', '2001:db8:1:2::2')
    record('login', null)
    record('login', '10.0.0.1', { id: 'v', email: 'v@nas.local' })
    record('login-failed', '10.0.0.1', null)
    expect(drainRows('all')).toEqual([
      [1_000, 'login', owner.email, '10.0.0.1', 1],
      [1_000, 'login', owner.email, '10.0.0.2', 1],
      [1_000, 'login-refused', owner.email, '10.0.0.1', 1],
      [1_000, 'login', owner.email, '2001:db8:1:2::1', 1],
      [1_000, 'login', owner.email, null, 1],
      [1_000, 'login', 'v@nas.local', '10.0.0.1', 1],
      [1_000, 'login-failed', null, '10.0.0.1', 1],
      // The counted ones: with their network, because they came from several addresses.
      [1_000, 'login', owner.email, '2001:db8:1:2::/64', 2],
    ])
  })

  test('hand the first of an hour to the caller, who can requeue it', () => {
    const { buffer, drainRows } = createTestBuffer()
    const login = { kind: 'login', user: owner, address: null } as const
    const event = buffer.coalesce(login)
    expect(event).toMatchObject({ kind: 'login', userId: 'u', count: 1 })
    expect(buffer.coalesce(login)).toBeNull()
    expect(drainRows()).toEqual([])
    buffer.requeue(event === null ? [] : [event])
    expect(drainRows('all')).toEqual([
      [1_000, 'login', owner.email, null, 1],
      [1_000, 'login', owner.email, null, 1],
    ])
  })

  test('are counted for an hour of real time, whatever the clock is set to', () => {
    const { clock, monotonicClock, record, drainRows } = createTestBuffer()
    record('login')
    drainRows()
    for (const jump of [-3650, -3, 3, 3650]) {
      clock.advance(jump * 24 * hour)
      record('login')
      expect(drainRows()).toEqual([])
    }
    monotonicClock.advance(hour)
    expect(drainRows().map(([, , , , count]) => count)).toEqual([4])
  })

  test('take a few hundred rows and bounded memory, whatever attackers send', () => {
    const { pass, buffer, record } = createTestBuffer()
    const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
    const network = (index: number) => `2001:db8:${(index >> 8).toString(16)}:${index & 255}::1`
    let [rows, counted, maxSize] = [0, 0, 0]
    const write = (all?: 'all') => {
      for (const { count } of buffer.drain(all)) {
        rows++
        counted += count
      }
    }
    for (let index = 0; index < 5_000; index++) {
      // Unknown and known accounts, each from a new address.
      record('login-failed', address(index), null)
      record('login-failed', network(index), { id: `u${index}`, email: `${index}@nas.local` })
      record('login-limited', address(index), null)
      if (index % 100 === 0) write()
      maxSize = Math.max(maxSize, buffer.size())
    }
    // A successful login of another account still has its own row.
    record('login')
    expect(buffer.drain()).toMatchObject([{ kind: 'login', email: owner.email, detail: null }])
    write('all')
    expect(counted).toBe(15_000)
    // One for each bucket: 200 pairs, 49 accounts and the rest of the failed logins, 200 pairs and the rest of the limited
    // ones. One more for what each rest has counted.
    expect(rows).toBe(250 + 201 + 2)
    // All buckets, and the rows of the hundred rounds between two writes.
    expect(maxSize).toBe(250 + 201 + 146)
    pass(hour)
    write()
    expect(buffer.size()).toBe(0)
  })

  test('name an attacked account even if the addresses are counted together', () => {
    const { record, drainRows } = createTestBuffer()
    for (let index = 0; index < 1_000; index++)
      record('login-failed', `10.0.${index >> 8}.${index & 255}`)
    const rows = drainRows('all')
    expect(rows).toHaveLength(202)
    expect(rows.slice(-2)).toEqual([
      [1_000, 'login-failed', owner.email, null, 1, 'many addresses'],
      [1_000, 'login-failed', owner.email, null, 799, 'many addresses'],
    ])
  })

  test('wait in bounded memory while nothing can be written, and are all counted', () => {
    const { pass, buffer, record } = createTestBuffer()
    for (let time = 0; time < 50; time++) {
      for (let index = 0; index < 500; index++)
        record('login-failed', `10.0.${index >> 8}.${index & 255}`, null)
      buffer.requeue(buffer.drain('all'))
      pass(hour)
      // 200 addresses, the rest, and what the rest has counted; and one for all beyond the 2,000 that wait.
      expect(buffer.size()).toBe(Math.min(202 * (time + 1), 2_001))
    }
    const rows = buffer.drain('all')
    expect(rows).toHaveLength(2_001)
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(50 * 500)
    expect(rows.at(-1)).toMatchObject({
      kind: 'login-failed',
      address: null,
      detail: 'many addresses',
    })
  })
})
