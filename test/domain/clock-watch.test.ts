import { describe, expect, test } from 'bun:test'
import { createClockWatch } from '../../src/domain/clock-watch'
import type { KnownTime } from '../../src/domain/known-time'
import { fakeClock } from '../support/timing'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
const start = Date.UTC(2026, 10, 24, 12)

/** A watch of a clock that the test sets. `state` is what is saved: each new state, as a server does it. */
function createTestWatch(
  options: {
    at?: number
    stored?: KnownTime | null
    newestRow?: number | null
    build?: number
  } = {},
) {
  const clock = fakeClock(options.at ?? start)
  const monotonicClock = fakeClock(1_000)
  const { stored = { time: start, disproved: null, doubt: null }, newestRow = null } = options
  const watch = createClockWatch({
    ...{ clock, monotonicClock, stored, newestRow },
    buildTime: options.build ?? 0,
  })
  const saves: KnownTime[] = []
  return {
    watch,
    saves,
    clock,
    jump: (milliseconds: number) => clock.advance(milliseconds),
    /** Lets time pass, with a look every ten minutes. */
    pass(milliseconds: number) {
      for (let left = milliseconds; left > 0; left -= 10 * minute) {
        const step = Math.min(left, 10 * minute)
        clock.advance(step)
        monotonicClock.advance(step)
        const state = watch.unsaved(day)
        if (state === null) continue
        saves.push(state)
        watch.markSaved(state)
      }
    },
    kind: () => watch.problem()?.kind ?? null,
  }
}

const jumps = [3, 8, 90, 365, 3_653]

describe('a clock that is watched', () => {
  test('is plausible for as long as it runs, however quiet the server is', () => {
    const { watch, pass, kind, clock } = createTestWatch()
    for (let index = 0; index < 30; index++) {
      pass(day)
      expect(kind()).toBeNull()
    }
    expect(watch.ageLimit(day)).toMatchObject({ now: clock(), before: clock() - day })
  })

  test.each(jumps)('and jumps %d days ahead is implausible until it jumps back', (days) => {
    const { watch, jump, pass, kind } = createTestWatch()
    pass(hour)
    jump(days * day)
    expect(kind()).toBe('ahead')
    expect(watch.ageLimit(0)).toBeNull()
    pass(23 * hour)
    expect(kind()).toBe('ahead')
    jump(-days * day)
    expect(kind()).toBeNull()
    expect(watch.ageLimit(0)).not.toBeNull()
  })

  test('and is corrected by five minutes at a time has not jumped, by a millisecond more it has', () => {
    for (const [by, count] of [
      [5 * minute, 0],
      [-5 * minute, 0],
      [5 * minute + 1, 1],
      [-5 * minute - 1, 1],
    ] as const) {
      const { watch, jump, pass, kind } = createTestWatch()
      pass(hour)
      jump(10 * day)
      expect(kind()).toBe('ahead')
      pass(hour)
      // What it shows while it is implausible is corrected later, each time between two jumps for itself.
      jump(by)
      pass(hour)
      jump(-10 * day - by)
      expect(kind()).toBeNull()
      expect(watch.corrections().length, `${by} ms`).toBe(1 + count)
    }
  })

  test.each(jumps)('and jumps %d days ahead is believed after a day', (days) => {
    const { jump, pass, kind } = createTestWatch()
    jump(days * day)
    expect(kind()).toBe('ahead')
    pass(day - 10 * minute)
    expect(kind()).toBe('ahead')
    pass(10 * minute)
    expect(kind()).toBeNull()
  })

  test.each([...jumps.slice(0, 4)])(
    'and jumps %d days back is implausible until it jumps ahead, or for a day',
    (days) => {
      const back = createTestWatch({
        at: start + 300 * day,
        stored: { ...noDoubt, time: start + 300 * day },
      })
      back.jump(-Math.min(days, 299) * day)
      expect(back.kind()).toBe('behind')
      back.pass(hour)
      back.jump(Math.min(days, 299) * day)
      expect(back.kind()).toBeNull()

      back.jump(-Math.min(days, 299) * day)
      expect(back.kind()).toBe('behind')
      back.pass(day)
      expect(back.kind()).toBeNull()
    },
  )

  test('and jumps to 1970 is never believed, and is plausible once it is right', () => {
    const { jump, pass, kind, saves } = createTestWatch()
    jump(-start)
    pass(3 * day)
    expect(kind()).toBe('before_build')
    // One state tells that it is implausible; there is no progress to save.
    expect(saves).toHaveLength(1)
    jump(start)
    expect(kind()).toBeNull()
  })

  test('starts the day again with each jump', () => {
    const { jump, pass, kind } = createTestWatch()
    jump(3_653 * day)
    for (let index = 0; index < 5; index++) {
      pass(20 * hour)
      expect(kind()).toBe('ahead')
      jump(day)
    }
    expect(kind()).toBe('ahead')
  })

  test('may be corrected by minutes at any time', () => {
    const { jump, pass, kind } = createTestWatch()
    for (const correction of [4 * minute, -4 * minute, -minute, minute]) {
      jump(correction)
      expect(kind()).toBeNull()
      pass(hour)
    }
  })
})

const noDoubt: KnownTime = { time: start, disproved: null, doubt: null }

describe('a clock at the start of a server', () => {
  test.each([
    ['two days after the known time', { at: start + 2 * day }, null],
    ['later than that', { at: start + 2 * day + 1 }, 'ahead'],
    ['ten years after it', { at: start + 3_653 * day }, 'ahead'],
    ['before it', { at: start - 6 * minute }, 'behind'],
    ['before the newest row', { at: start, newestRow: start + 3 * day }, 'behind'],
    ['in 1970', { at: 0 }, 'before_build'],
    ['before the build', { at: start, build: start + 3 * day }, 'before_build'],
    ['of an empty database', { at: start, stored: null }, null],
    ['long after all rows', { at: start, stored: null, newestRow: start - 90 * day }, 'ahead'],
    ['after a first start in 1970', { at: start, stored: null, newestRow: 60_000 }, null],
  ] as const)('%s', (_, options, kind) => {
    expect<string | null>(createTestWatch(options).kind()).toBe(kind)
  })

  test('that is not believed yet goes on with its day, and starts again after another jump', () => {
    const first = createTestWatch({ at: start + 365 * day })
    first.pass(20 * hour)
    const stored = first.saves.at(-1) ?? null
    expect(stored).toMatchObject({ time: start, doubt: { heldFor: 19 * hour + 10 * minute } })

    const at = first.clock() + 8 * hour
    const second = createTestWatch({ at, stored, newestRow: at })
    expect(second.kind()).toBe('ahead')
    second.pass(4 * hour + 50 * minute)
    expect(second.kind()).toBeNull()
    expect(second.saves.at(-1)).toEqual({ time: second.clock(), disproved: null, doubt: null })

    const other = createTestWatch({ at: at + 30 * day, stored })
    other.pass(20 * hour)
    expect(other.kind()).toBe('ahead')
  })

  test('that was wrong before does not count rows that it dated, once the right one was believed', () => {
    const wrong = start + 3_653 * day
    const first = createTestWatch({ newestRow: wrong })
    expect(first.kind()).toBe('behind')
    first.pass(day)
    expect(first.kind()).toBeNull()
    const stored = first.saves.at(-1) ?? null
    expect(stored).toEqual({ time: first.clock(), disproved: wrong, doubt: null })
    expect(createTestWatch({ at: first.clock(), stored, newestRow: wrong }).kind()).toBeNull()
  })

  test.each(['again', 'still running'])(
    'that is right %s does not count rows of the time in which it was ahead',
    (when) => {
      const wrong = createTestWatch()
      wrong.jump(365 * day)
      wrong.pass(hour)
      const newestRow = wrong.clock()
      if (when === 'still running') {
        wrong.jump(-365 * day)
        wrong.pass(10 * minute)
      }
      const at = start + 2 * hour
      const right = createTestWatch({ at, stored: wrong.saves.at(-1) ?? null, newestRow })
      expect(right.kind()).toBeNull()
      right.pass(10 * minute)
      const stored = right.saves.at(-1) ?? wrong.saves.at(-1) ?? null
      const disproved = stored?.disproved ?? 0
      expect(disproved).toBeWithin(newestRow, newestRow + 10 * minute + 1)
      expect(createTestWatch({ at: at + hour, stored, newestRow }).kind()).toBeNull()
      expect(createTestWatch({ at: at + hour, stored, newestRow: disproved + 1 }).kind()).toBe(
        'behind',
      )
    },
  )

  test('that is implausible is stored at once, so that rows which it dates do not count', () => {
    const at = start + 3_653 * day
    const { watch } = createTestWatch({ at, stored: null, newestRow: start })
    const stored = watch.unsaved(day)
    expect(stored).toEqual({ time: start, disproved: null, doubt: { shown: at, heldFor: 0 } })
    // The server has dated a row, and is started again.
    const again = createTestWatch({ at: at + hour, stored, newestRow: at + 1 })
    expect(again.kind()).toBe('ahead')
  })
})

describe('the known time', () => {
  test('is stored once a day while nothing happens to the clock', () => {
    const { pass, saves } = createTestWatch()
    pass(10 * day)
    expect(saves.map(({ time }) => time)).toEqual(
      Array.from({ length: 10 }, (_, index) => start + (index + 1) * day),
    )
  })

  test('is stored every hour while the clock is implausible, and when it is plausible again', () => {
    const { jump, pass, saves } = createTestWatch()
    jump(30 * day)
    pass(3 * hour)
    expect(saves.map(({ time, doubt }) => [time, doubt?.heldFor])).toEqual([
      [start, 0],
      [start, 60 * minute],
      [start, 120 * minute],
    ])
    jump(-30 * day)
    pass(10 * minute)
    expect(saves.at(-1)).toEqual({
      time: start + 3 * hour + 10 * minute,
      // At the latest, the clock jumped back at the time of this look.
      disproved: start + 30 * day + 3 * hour + 10 * minute,
      doubt: null,
    })
  })

  test('is not stored before there is one', () => {
    const { watch } = createTestWatch({ at: 0, stored: null })
    expect(watch.unsaved(day)).toBeNull()
  })
})

describe('a correction', () => {
  test('says what this process has dated wrongly, once the clock is right', () => {
    const { watch, jump, pass, clock } = createTestWatch()
    pass(hour)
    expect(watch.corrections()).toEqual([])
    const wrong = clock() + 365 * day
    jump(365 * day)
    pass(hour)
    expect(watch.corrections()).toEqual([])
    jump(-365 * day)
    expect(watch.corrections()).toEqual([{ from: wrong, to: wrong + hour, by: -365 * day }])
    watch.forget(watch.corrections())
    expect(watch.corrections()).toEqual([])
  })

  test('comes once a machine that was off for weeks, and started where it ended, is believed', () => {
    const { watch, jump, pass } = createTestWatch()
    pass(10 * minute)
    jump(21 * day)
    expect(watch.corrections()).toEqual([])
    pass(day)
    expect(watch.corrections()).toEqual([{ from: start, to: start + 10 * minute, by: 21 * day }])
  })

  test('does not come from a night in which the machine was suspended', () => {
    const { watch, jump, pass } = createTestWatch()
    for (let index = 0; index < 50; index++) {
      pass(hour)
      jump(9 * hour)
    }
    expect(watch.corrections()).toEqual([])
  })
})
