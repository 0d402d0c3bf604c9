import { describe, expect, test } from 'bun:test'
import { selectExpired } from '../../src/backup/retention'

const keep = { daily: 7, weekly: 4, monthly: 12 }
const at = (text: string) => ({ time: Date.parse(text) })
const day = 24 * 60 * 60_000

/** Returns the days of the backups that are left after one backup a day for so many days, each followed by a clean-up. */
function leftAfter(days: number, start: string): string[] {
  let backups: { time: number }[] = []
  for (let index = 0; index < days; index++) {
    backups.push({ time: Date.parse(start) + index * day })
    const expired = selectExpired(backups, keep)
    backups = backups.filter((backup) => !expired.includes(backup))
  }
  return backups.map(({ time }) => new Date(time).toISOString().slice(0, 10))
}

describe('backups that are kept', () => {
  test('of a year and a half are the last of seven days, four weeks and twelve months', () => {
    // The last day is Tuesday, 2026-11-24.
    const left = leftAfter(550, '2025-05-24T02:30:00Z')
    expect(left).toEqual([
      ...['2025-12-31', '2026-01-31', '2026-02-28', '2026-03-31', '2026-04-30', '2026-05-31'],
      ...['2026-06-30', '2026-07-31', '2026-08-31', '2026-09-30', '2026-10-31'],
      // Sundays.
      ...['2026-11-08', '2026-11-15'],
      ...['2026-11-18', '2026-11-19', '2026-11-20', '2026-11-21', '2026-11-22', '2026-11-23'],
      '2026-11-24',
    ])
  })

  test('of one day are the last one only', () => {
    const [morning, noon, evening] = [
      at('2026-11-24T02:00:00Z'),
      at('2026-11-24T12:00:00Z'),
      at('2026-11-24T22:00:00Z'),
    ]
    expect(selectExpired([noon, evening, morning], keep)).toEqual([noon, morning])
  })

  test('include those from before a long break, and always the newest', () => {
    const old = ['2020-01-01', '2020-01-02', '2020-01-03'].map(at)
    expect(selectExpired([...old, at('2026-11-24')], keep)).toEqual([])
    const none = { daily: 0, weekly: 0, monthly: 0 }
    expect(selectExpired([...old, at('2026-11-24')], none)).toEqual(old)
    expect(selectExpired([], none)).toEqual([])
  })
})
