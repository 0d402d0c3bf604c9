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

describe('backups of two times', () => {
  const none = { daily: 0, weekly: 0, monthly: 0 }

  test.each([
    // 2026-11-23 is a Monday.
    ['daily', '2026-11-24T00:00:00.000Z', '2026-11-24T23:59:59.999Z', '2026-11-25T00:00:00.000Z'],
    ['daily', '1970-01-01T00:00:00.000Z', '1970-01-01T23:59:59.999Z', '1970-01-02T00:00:00.000Z'],
    ['daily', '2026-03-29T00:00:00.000Z', '2026-03-29T23:59:59.999Z', '2026-03-30T00:00:00.000Z'],
    ['weekly', '2026-11-23T00:00:00.000Z', '2026-11-29T23:59:59.999Z', '2026-11-30T00:00:00.000Z'],
    // A week that two years share.
    ['weekly', '2026-12-28T00:00:00.000Z', '2027-01-03T23:59:59.999Z', '2027-01-04T00:00:00.000Z'],
    // Before Monday, 5 January 1970.
    ['weekly', '1969-12-29T00:00:00.000Z', '1970-01-04T23:59:59.999Z', '1970-01-05T00:00:00.000Z'],
    ['monthly', '2026-11-01T00:00:00.000Z', '2026-11-30T23:59:59.999Z', '2026-12-01T00:00:00.000Z'],
    ['monthly', '2028-02-01T00:00:00.000Z', '2028-02-29T23:59:59.999Z', '2028-03-01T00:00:00.000Z'],
    ['monthly', '2026-12-01T00:00:00.000Z', '2026-12-31T23:59:59.999Z', '2027-01-01T00:00:00.000Z'],
  ] as const)(
    'share a %s one only within the same UTC period: %s, %s, not %s',
    (period, begin, end, later) => {
      const [first, last, next] = [at(begin), at(end), at(later)]
      const twoPeriods = { ...none, [period]: 2 }
      expect(selectExpired([first, last], twoPeriods)).toEqual([first])
      expect(selectExpired([last, next], twoPeriods)).toEqual([])
      expect(selectExpired([first, last, next], twoPeriods)).toEqual([first])
      expect(selectExpired([first, last, next], { ...none, [period]: 1 })).toEqual([first, last])
    },
  )
})

describe('each number of backups to keep', () => {
  const days = Array.from({ length: 100 }, (_, index) => ({
    time: Date.parse('2026-01-01T02:00:00Z') + index * day,
  }))
  const keptOf = (policy: Partial<typeof keep>) => {
    const expired = selectExpired(days, { daily: 0, weekly: 0, monthly: 0, ...policy })
    return days.flatMap((backup) =>
      expired.includes(backup) ? [] : [new Date(backup.time).toISOString().slice(5, 10)],
    )
  }

  test('is exact, and does not count for another period', () => {
    // The last day is Friday, 2026-04-10.
    expect(keptOf({})).toEqual(['04-10'])
    expect(keptOf({ daily: 1 })).toEqual(['04-10'])
    expect(keptOf({ daily: 3 })).toEqual(['04-08', '04-09', '04-10'])
    expect(keptOf({ weekly: 1 })).toEqual(['04-10'])
    expect(keptOf({ weekly: 3 })).toEqual(['03-29', '04-05', '04-10'])
    expect(keptOf({ monthly: 1 })).toEqual(['04-10'])
    expect(keptOf({ monthly: 3 })).toEqual(['02-28', '03-31', '04-10'])
    expect(keptOf({ daily: 2, weekly: 2, monthly: 2 })).toEqual([
      '03-31',
      '04-05',
      '04-09',
      '04-10',
    ])
    expect(keptOf({ daily: 100 })).toHaveLength(100)
  })

  test('holds for backups in whatever order', () => {
    const [one, two, three] = [at('2026-11-22'), at('2026-11-23'), at('2026-11-24')]
    const policy = { daily: 2, weekly: 0, monthly: 0 }
    for (const order of [
      [one, two, three],
      [three, two, one],
      [two, three, one],
    ]) {
      expect(selectExpired(order, policy)).toEqual([one])
    }
    // In the order in which they were given.
    expect(selectExpired([two, one, three], { ...policy, daily: 1 })).toEqual([two, one])
  })
})

describe('after the clock went back', () => {
  test('backups of the future stay as the newest, and the last ones of the present as well', () => {
    const future = at('2036-01-01T02:00:00Z')
    const days = ['2026-11-20', '2026-11-21', '2026-11-22', '2026-11-23', '2026-11-24'].map(at)
    const policy = { daily: 3, weekly: 0, monthly: 0 }
    expect(selectExpired([...days, future], policy)).toEqual(days.slice(0, 3))
  })

  test('the later of two backups of a day is kept, whichever was written first', () => {
    const [before, after] = [at('2026-11-24T03:30:00Z'), at('2026-11-24T02:30:00Z')]
    expect(selectExpired([before, after], keep)).toEqual([after])
  })

  test('one of two backups of the same millisecond is kept', () => {
    const [one, two] = [at('2026-11-24'), at('2026-11-24')]
    expect(selectExpired([one, two], keep)).toEqual([two])
  })
})
