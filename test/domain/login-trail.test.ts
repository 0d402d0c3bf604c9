import { describe, expect, test } from 'bun:test'
import { createLoginTrail, type LoginKind } from '../../src/domain/login-trail'
import { fakeClock } from '../support/world'

const hour = 60 * 60_000
const owner = { id: 'u', email: 'owner@nas.local' }

function aTrail() {
  const clock = fakeClock(1_000)
  const trail = createLoginTrail({ clock })
  const note = (
    kind: LoginKind,
    address: string | null = '10.0.0.1',
    user: typeof owner | null = owner,
  ) => trail.note({ kind, user, address })
  const told = (all?: 'all') =>
    trail
      .take(all)
      .map(({ time, kind, email, address, count, detail }) => [
        ...[time, kind, email, address, count],
        ...(detail === null ? [] : [detail]),
      ])
  return { clock, trail, note, told }
}

describe('sign-ins, for the audit trail,', () => {
  test('are told by the first of an hour, and the others by their number at its end', () => {
    const { clock, note, told } = aTrail()
    for (let index = 0; index < 40; index++) {
      note('login-failed')
      clock.advance(1_000)
    }
    note('login')
    expect(told()).toEqual([
      [1_000, 'login-failed', owner.email, '10.0.0.1', 1],
      [41_000, 'login', owner.email, '10.0.0.1', 1],
    ])
    expect(told()).toEqual([])
    clock.advance(hour)
    expect(told()).toEqual([[40_000, 'login-failed', owner.email, '10.0.0.1', 39]])
    expect(told()).toEqual([])
    note('login-failed')
    expect(told()).toEqual([[3_641_000, 'login-failed', owner.email, '10.0.0.1', 1]])
  })

  test('of a client that comes every ten minutes are two rows an hour', () => {
    const { clock, trail, note } = aTrail()
    let rows = 0
    for (let index = 0; index < 24 * 6; index++) {
      note('login')
      rows += trail.take().length
      clock.advance(10 * 60_000)
    }
    expect(rows + trail.take().length).toBe(48)
  })

  test('are told apart by kind, account and network', () => {
    const { note, told } = aTrail()
    note('login', '10.0.0.1')
    note('login', '10.0.0.2')
    note('login-refused', '10.0.0.1')
    note('login', '2001:db8:1:2::1')
    note('login', '2001:db8:1:2::2')
    note('login', '2001:db8:1:2::2')
    note('login', null)
    note('login', '10.0.0.1', { id: 'v', email: 'v@nas.local' })
    note('login-failed', '10.0.0.1', null)
    expect(told('all')).toEqual([
      [1_000, 'login', owner.email, '10.0.0.1', 1],
      [1_000, 'login', owner.email, '10.0.0.2', 1],
      [1_000, 'login-refused', owner.email, '10.0.0.1', 1],
      [1_000, 'login', owner.email, '2001:db8:1:2::1', 1],
      [1_000, 'login', owner.email, null, 1],
      [1_000, 'login', 'v@nas.local', '10.0.0.1', 1],
      [1_000, 'login-failed', null, '10.0.0.1', 1],
      // Those that were only counted; where they came from several addresses, their network.
      [1_000, 'login', owner.email, '2001:db8:1:2::/64', 2],
    ])
  })

  test('give the first of an hour to whoever writes it, and take it back when that failed', () => {
    const { trail, told } = aTrail()
    const note = { kind: 'login', user: owner, address: null } as const
    const event = trail.first(note)
    expect(event).toMatchObject({ kind: 'login', userId: 'u', count: 1 })
    expect(trail.first(note)).toBeNull()
    expect(told()).toEqual([])
    trail.putBack(event === null ? [] : [event])
    expect(told('all')).toEqual([
      [1_000, 'login', owner.email, null, 1],
      [1_000, 'login', owner.email, null, 1],
    ])
  })

  test('are counted from anew by a clock that was set back', () => {
    const { clock, note, told } = aTrail()
    note('login')
    note('login')
    clock.advance(-500)
    note('login')
    expect(told().map(([, , , , count]) => count)).toEqual([1, 1, 1])
  })

  test('stay a few hundred rows and a few hundred things in memory, whatever is tried', () => {
    const { clock, trail, note } = aTrail()
    const address = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
    const network = (index: number) => `2001:db8:${(index >> 8).toString(16)}:${index & 255}::1`
    let [rows, counted, mostHeld] = [0, 0, 0]
    const write = (all?: 'all') => {
      for (const { count } of trail.take(all)) {
        rows++
        counted += count
      }
    }
    for (let index = 0; index < 100_000; index++) {
      // Unknown accounts and known ones, from addresses that nobody has seen.
      note('login-failed', address(index), null)
      note('login-failed', network(index), { id: `u${index}`, email: `${index}@nas.local` })
      note('login-limited', address(index), null)
      if (index % 100 === 0) write()
      mostHeld = Math.max(mostHeld, trail.size())
    }
    // Somebody else's good sign-in has its row all the same.
    note('login')
    expect(trail.take()).toMatchObject([{ kind: 'login', email: owner.email, detail: null }])
    write('all')
    expect(counted).toBe(300_000)
    expect(rows).toBeLessThanOrEqual(2 * 2 * 251)
    expect(mostHeld).toBeLessThanOrEqual(3 * 251 + 251)
    clock.advance(hour)
    write()
    expect(trail.size()).toBe(0)
  })

  test('name an account under attack also where its attackers are not told apart', () => {
    const { note, told } = aTrail()
    for (let index = 0; index < 1_000; index++)
      note('login-failed', `10.0.${index >> 8}.${index & 255}`)
    const rows = told('all')
    expect(rows).toHaveLength(202)
    expect(rows.slice(-2)).toEqual([
      [1_000, 'login-failed', owner.email, null, 1, 'many addresses'],
      [1_000, 'login-failed', owner.email, null, 799, 'many addresses'],
    ])
  })

  test('wait while nothing can be written, in bounded memory, and none is forgotten', () => {
    const { clock, trail, note } = aTrail()
    for (let time = 0; time < 50; time++) {
      for (let index = 0; index < 500; index++)
        note('login-failed', `10.0.${index >> 8}.${index & 255}`, null)
      trail.putBack(trail.take('all'))
      clock.advance(hour)
      expect(trail.size()).toBeLessThanOrEqual(2_000 + 2)
    }
    const rows = trail.take('all')
    expect(rows).toHaveLength(2_001)
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(50 * 500)
    expect(rows.at(-1)).toMatchObject({
      kind: 'login-failed',
      address: null,
      detail: 'many addresses',
    })
  })
})
