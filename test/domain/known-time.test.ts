import { describe, expect, test } from 'bun:test'
import {
  ageLimitAt,
  boundsFrom,
  findClockProblem,
  isOlder,
  type KnownTime,
} from '../../src/domain/known-time'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
const now = Date.UTC(2026, 10, 24, 12)
const unknown = { buildTime: 0, newest: null, known: null }
const kindAt = (time: number, bounds = {}) =>
  findClockProblem(time, { ...unknown, ...bounds })?.kind ?? null

describe('a clock', () => {
  test.each([
    ['1970', 0],
    ['1980', Date.UTC(1980, 0, 1)],
    ['2000', Date.UTC(2000, 0, 1)],
    ['the day before this program existed', Date.UTC(2025, 11, 31)],
  ])('in %s is wrong, whatever is known', (_, time) => {
    expect(kindAt(time)).toBe('before_build')
    expect(kindAt(time, { known: time, newest: time })).toBe('before_build')
  })

  test('before the day in which this version was built is wrong', () => {
    expect(kindAt(now - day, { buildTime: now })).toBeNull()
    expect(kindAt(now - day - 1, { buildTime: now })).toBe('before_build')
  })

  test('more than five minutes behind the newest row is behind', () => {
    expect(kindAt(now - 5 * minute, { newest: now })).toBeNull()
    for (const late of [5 * minute + 1, 3 * day, 300 * day]) {
      expect(kindAt(now - late, { newest: now })).toBe('behind')
    }
  })

  test('more than two days ahead of the last known time may be ahead', () => {
    expect(kindAt(now + 2 * day, { known: now })).toBeNull()
    for (const early of [2 * day + 1, 3 * day, 3_653 * day]) {
      expect(kindAt(now + early, { known: now })).toBe('ahead')
    }
    // A new version shows that time has passed.
    expect(kindAt(now + 30 * day, { known: now, buildTime: now + 29 * day })).toBeNull()
  })

  test('is described to the operator with both times', () => {
    const detailAt = (time: number, bounds = {}) =>
      findClockProblem(time, { ...unknown, ...bounds })?.detail
    expect(detailAt(0, { buildTime: now })).toBe(
      'the clock of this machine is behind: it shows 1970-01-01T00:00:00.000Z, and this version was built at 2026-11-24T12:00:00.000Z',
    )
    expect(detailAt(now - day, { newest: now })).toBe(
      'the clock of this machine is behind: it shows 2026-11-23T12:00:00.000Z, and the database contains a row from 2026-11-24T12:00:00.000Z',
    )
    expect(detailAt(now + 3 * day, { known: now })).toBe(
      'the clock of this machine may be ahead: it shows 2026-11-27T12:00:00.000Z, and the last known time is 2026-11-24T12:00:00.000Z',
    )
    // Beyond the calendar.
    expect(detailAt(9e15, { known: now })).toContain('9000000000000000 ms since 1970')
  })
})

describe('what is stored', () => {
  const stored: KnownTime = { time: now, disproved: null, doubt: null }
  const bounds = (state: KnownTime | null, newestRow: number | null) => {
    const { newest, known } = boundsFrom(state, newestRow, 0)
    return [newest, known]
  }

  test('limits the time on both sides, and rows only on one: a wrong clock may have dated them', () => {
    expect(bounds(stored, null)).toEqual([now, now])
    expect(bounds(stored, now - day)).toEqual([now, now])
    expect(bounds(stored, now + 3_653 * day)).toEqual([now + 3_653 * day, now])
  })

  test('disproves rows that turned out to be dated by a wrong clock, but no later ones', () => {
    const later = { ...stored, disproved: now + 400 * day }
    expect(bounds(later, now + 400 * day)).toEqual([now, now])
    expect(bounds(later, now + 401 * day)).toEqual([now + 401 * day, now])
  })

  test('does not count rows while the clock is implausible', () => {
    const doubt = { shown: now + 400 * day, heldFor: 0 }
    expect(bounds({ ...stored, doubt }, now + 400 * day)).toEqual([now, now])
  })

  test('is the newest row before the first server of this version, unless it is impossible', () => {
    expect(bounds(null, now)).toEqual([now, now])
    expect(bounds(null, 0)).toEqual([null, null])
    expect(bounds(null, Date.UTC(2000, 0, 1))).toEqual([null, null])
    expect(bounds(null, null)).toEqual([null, null])
  })
})

test('a time is old if it is possible, and as old as the age', () => {
  const limit = ageLimitAt(now, hour)
  expect(isOlder(now - hour + 1, limit)).toBeFalse()
  expect(isOlder(now - hour, limit)).toBeTrue()
  expect(isOlder(now + day, limit)).toBeFalse()
  expect(isOlder(0, limit)).toBeFalse()
  expect(isOlder(now - 100 * day, null)).toBeFalse()
})
