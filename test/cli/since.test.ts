import { expect, test } from 'bun:test'
import { parseSince } from '../../cli/since'
import { fakeClock } from '../support/timing'

const now = Date.UTC(2026, 10, 24, 12)

test.each([
  ['30m', now - 30 * 60_000],
  ['12h', now - 12 * 3_600_000],
  ['7d', now - 7 * 86_400_000],
  ['0m', now],
  ['999999m', now - 999_999 * 60_000],
  ['2026-11-24', Date.UTC(2026, 10, 24)],
  ['2026-11-24T18:30', Date.UTC(2026, 10, 24, 18, 30)],
  ['2026-11-24+02:00', Date.UTC(2026, 10, 23, 22)],
  ['2026-11-24T18:30-05:30', Date.UTC(2026, 10, 25, 0, 0)],
  ['2026-11-24T18:30:05.1', Date.UTC(2026, 10, 24, 18, 30, 5, 100)],
  ['2026-11-24 18:30:05Z', Date.UTC(2026, 10, 24, 18, 30, 5)],
  ['2026-11-24T18:30:05.123+02:00', Date.UTC(2026, 10, 24, 16, 30, 5, 123)],
])('--since %s is a time, independent of the time zone of the machine', (text, time) => {
  expect(parseSince(text, fakeClock(now))).toBe(time)
})

test.each([
  '',
  '7',
  'd',
  '-7d',
  'yesterday',
  '2026',
  '2026-13-01',
  '1000000m',
  '7w',
  '7D',
  '1.5h',
  '2026-11-24T18',
  '2026-11-24T18:30:05.1234',
  '2026-11-24 24:01',
  '24.11.2026',
  '18:30',
])('--since %p is rejected', (text) => {
  expect(() => parseSince(text, fakeClock(now))).toThrow(
    expect.objectContaining({
      code: 'invalid',
      message: `invalid --since "${text}"`,
      hint: 'use a time such as 2026-11-24 or 2026-11-24T18:30Z, or an age such as 7d, 12h or 30m',
    }),
  )
})
