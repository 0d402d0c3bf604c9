import { describe, expect, test } from 'bun:test'
import { type RetentionPolicy, selectExpired } from '../../src/backup/retention'

const keep = { daily: 7, weekly: 4, monthly: 12 }
const at = (text: string) => ({ time: Date.parse(text) })
const day = 24 * 60 * 60_000

/** What expires at the time of the newest backup. */
const expiredOf = (
  backups: readonly { time: number }[],
  policy: RetentionPolicy,
  now = Math.max(...backups.map(({ time }) => time), Date.UTC(2026, 10, 24)),
) => selectExpired(backups, policy, now)

/** Returns the days of the backups that are left after one backup a day for so many days, each followed by a clean-up. */
function leftAfter(days: number, start: string): string[] {
  let backups: { time: number }[] = []
  for (let index = 0; index < days; index++) {
    backups.push({ time: Date.parse(start) + index * day })
    const expired = expiredOf(backups, keep)
    backups = backups.filter((backup) => !expired.includes(backup))
  }
  return backups.map(({ time }) => new Date(time).toISOString().slice(0, 10))
}

describe('backups that are kept', () => {
  test('of a year and a half are the last of seven days, four weeks and twelve months', () => {
    // The last day is Wednesday, 2027-11-24.
    const left = leftAfter(550, '2026-05-24T02:30:00Z')
    expect(left).toEqual([
      ...['2026-12-31', '2027-01-31', '2027-02-28', '2027-03-31', '2027-04-30', '2027-05-31'],
      ...['2027-06-30', '2027-07-31', '2027-08-31', '2027-09-30', '2027-10-31'],
      // Sundays.
      ...['2027-11-07', '2027-11-14'],
      ...['2027-11-18', '2027-11-19', '2027-11-20', '2027-11-21', '2027-11-22', '2027-11-23'],
      '2027-11-24',
    ])
  })

  test('of one day are the last one only', () => {
    const [morning, noon, evening] = [
      at('2026-11-24T02:00:00Z'),
      at('2026-11-24T12:00:00Z'),
      at('2026-11-24T22:00:00Z'),
    ]
    expect(expiredOf([noon, evening, morning], keep)).toEqual([noon, morning])
  })

  test('include those from before a long break, and always the newest', () => {
    const old = ['2026-01-01', '2026-01-02', '2026-01-03'].map(at)
    expect(expiredOf([...old, at('2026-11-24')], keep)).toEqual([])
    const none = { daily: 0, weekly: 0, monthly: 0 }
    expect(expiredOf([...old, at('2026-11-24')], none)).toEqual(old)
    expect(expiredOf([], none)).toEqual([])
  })
})

describe('backups of two times', () => {
  const none = { daily: 0, weekly: 0, monthly: 0 }

  test.each([
    // 2026-11-23 is a Monday.
    ['daily', '2026-11-24T00:00:00.000Z', '2026-11-24T23:59:59.999Z', '2026-11-25T00:00:00.000Z'],
    ['daily', '2026-01-01T00:00:00.000Z', '2026-01-01T23:59:59.999Z', '2026-01-02T00:00:00.000Z'],
    ['daily', '2026-03-29T00:00:00.000Z', '2026-03-29T23:59:59.999Z', '2026-03-30T00:00:00.000Z'],
    ['weekly', '2026-11-23T00:00:00.000Z', '2026-11-29T23:59:59.999Z', '2026-11-30T00:00:00.000Z'],
    // A week that two years share.
    ['weekly', '2026-12-28T00:00:00.000Z', '2027-01-03T23:59:59.999Z', '2027-01-04T00:00:00.000Z'],
    ['monthly', '2026-11-01T00:00:00.000Z', '2026-11-30T23:59:59.999Z', '2026-12-01T00:00:00.000Z'],
    ['monthly', '2028-02-01T00:00:00.000Z', '2028-02-29T23:59:59.999Z', '2028-03-01T00:00:00.000Z'],
    ['monthly', '2026-12-01T00:00:00.000Z', '2026-12-31T23:59:59.999Z', '2027-01-01T00:00:00.000Z'],
  ] as const)(
    'share a %s one only within the same UTC period: %s, %s, not %s',
    (period, begin, end, later) => {
      const [first, last, next] = [at(begin), at(end), at(later)]
      const twoPeriods = { ...none, [period]: 2 }
      expect(expiredOf([first, last], twoPeriods)).toEqual([first])
      expect(expiredOf([last, next], twoPeriods)).toEqual([])
      expect(expiredOf([first, last, next], twoPeriods)).toEqual([first])
      expect(expiredOf([first, last, next], { ...none, [period]: 1 })).toEqual([first, last])
    },
  )
})

describe('each number of backups to keep', () => {
  const days = Array.from({ length: 100 }, (_, index) => ({
    time: Date.parse('2026-01-01T02:00:00Z') + index * day,
  }))
  const keptOf = (policy: Partial<typeof keep>) => {
    const expired = expiredOf(days, { daily: 0, weekly: 0, monthly: 0, ...policy })
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
      expect(expiredOf(order, policy)).toEqual([one])
    }
    // In the order in which they were given.
    expect(expiredOf([two, one, three], { ...policy, daily: 1 })).toEqual([two, one])
  })
})

describe('after the clock went back', () => {
  const days = ['2026-11-20', '2026-11-21', '2026-11-22', '2026-11-23', '2026-11-24'].map(at)
  const policy = { daily: 3, weekly: 0, monthly: 0 }
  const now = Date.parse('2026-11-24T00:10:00Z')

  test.each([
    ['1970-01-01T00:00:30Z', '1970-01-02'],
    ['2026-11-27', '2026-11-28'],
    ['2027-11-24', '2027-12-24'],
    ['2036-01-01', '2037-01-01'],
  ])(
    'backups with an impossible time (%s) are never the newest, and stay for as many days as daily ones',
    (one, other) => {
      const undated = [at(one), at(other)]
      expect(selectExpired([...days, ...undated], policy, now)).toEqual([
        ...days.slice(0, 2),
        ...undated,
      ])
      // The clock was wrong for two days, and right again in the last one.
      const [first = at('2026-11-20'), last = at('2026-11-24')] = [days[0], days[4]]
      expect(selectExpired([first, ...undated, last], policy, now)).toEqual([])
      // The only backup of a server may be one of them.
      expect(selectExpired(undated, policy, now)).toEqual([])
      expect(selectExpired(undated, { daily: 0, weekly: 0, monthly: 0 }, now)).toEqual([])
    },
  )

  test.each([
    [0, 2],
    [1, 2],
    [2, 3],
  ])('with %i daily ones, those count that are less than %i days old', (daily, age) => {
    const undated = at('1970-01-01T00:00:30Z')
    const none = { daily, weekly: 0, monthly: 0 }
    const expiredWith = (oldest: number) => {
      const newer = daily < 2 ? [] : [{ time: now }]
      return selectExpired([{ time: oldest }, ...newer, undated], none, now)
    }
    expect(expiredWith(now - age * day + 1)).toEqual([undated])
    expect(expiredWith(now - age * day)).toEqual([])
  })

  test('a server that took backups ten years ahead for a month forgets them after a week of right ones', () => {
    let backups: { time: number }[] = []
    const runNight = (time: number, isPlausible: boolean) => {
      backups.push({ time })
      const expired = isPlausible ? selectExpired(backups, keep, time) : []
      backups = backups.filter((backup) => !expired.includes(backup))
    }
    const start = Date.parse('2026-10-01T02:00:00Z')
    const decade = 3_652 * day
    for (let night = 0; night < 30; night++) runNight(start + night * day, true)
    for (let night = 30; night < 60; night++) runNight(start + night * day + decade, false)
    const counts = Array.from({ length: 8 }, (_, index) => {
      runNight(start + (60 + index) * day, true)
      return backups.filter(({ time }) => time > start + decade).length
    })
    expect(counts).toEqual([30, 30, 30, 30, 30, 30, 0, 0])
  })

  test('one that is an hour ahead counts as any other: the clocks of servers differ', () => {
    const ahead = { time: now + 3_600_000 }
    // The last one of the same day.
    expect(selectExpired([...days, ahead], policy, now)).toEqual([
      ...days.slice(0, 2),
      ...days.slice(4),
    ])
  })

  test('the later of two backups of a day is kept, whichever was written first', () => {
    const [before, after] = [at('2026-11-24T03:30:00Z'), at('2026-11-24T02:30:00Z')]
    expect(expiredOf([before, after], keep)).toEqual([after])
  })

  test('one of two backups of the same millisecond is kept', () => {
    const [one, two] = [at('2026-11-24'), at('2026-11-24')]
    expect(expiredOf([one, two], keep)).toEqual([two])
  })
})
