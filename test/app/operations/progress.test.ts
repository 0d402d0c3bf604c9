import { describe, expect, test } from 'bun:test'
import {
  countForStep,
  type ProgressListener,
  type Step,
  startRowStep,
  startStep,
} from '../../../src/app/operations/progress'
import { tables } from '../../../src/store/tables'
import { createSqliteTestDatabase, startServerOn, targetsOf } from '../../support/test-database'
import { fakeClock } from '../../support/timing'

/** Begins a step of 1000 parts. Returns what reports, its clock and the lines. */
function startTestStep(more: Partial<Step> = {}) {
  const lines: string[] = []
  // A process has run for a while before the step.
  const clock = fakeClock(700_000)
  const step = {
    name: 'copying',
    total: 1000,
    onProgress: (line: string) => lines.push(line),
    clock,
  }
  return { report: startStep({ ...step, ...more }), lines, clock, step }
}

describe('the progress of a step', () => {
  test('is a percentage from the beginning, and after a second the time that is left', () => {
    const { report, lines, clock } = startTestStep()
    expect(lines).toEqual(['copying: 0 %'])
    report(100)
    clock.advance(999)
    report(101)
    clock.advance(1)
    report(110)
    clock.advance(9_000)
    report(333)
    expect(lines).toEqual([
      'copying: 0 %',
      'copying: 10 %',
      'copying: 11 %, about 10 seconds left',
      'copying: 33 %, about 25 seconds left',
    ])
  })

  test('is not printed again while it is the same', () => {
    const { report, lines } = startTestStep()
    for (const done of [1, 2, 9, 10, 11]) report(done)
    expect(lines).toEqual(['copying: 0 %', 'copying: 1 %'])
  })

  test('never falls, and is complete only when the next step begins', () => {
    const { report, lines } = startTestStep()
    for (const done of [500, 400, 999, 1000, 2000]) report(done)
    expect(lines).toEqual(['copying: 0 %', 'copying: 50 %', 'copying: 99 %'])
  })

  test('has no time without anything done, or after more than was expected', () => {
    const { report, lines, clock } = startTestStep()
    clock.advance(60_000)
    report(0)
    report(1001)
    expect(lines).toEqual(['copying: 0 %', 'copying: 99 %'])
  })

  test.each([
    [1, 'about 5 seconds'],
    [5_001, 'about 10 seconds'],
    [55_000, 'about 55 seconds'],
    [55_001, 'about 1 minute'],
    [90_000, 'about 2 minutes'],
    [89 * 60_000, 'about 89 minutes'],
    [90 * 60_000, 'about 2 hours'],
    [30 * 3_600_000, 'about 30 hours'],
  ])('says that %p ms are %s', (rest, text) => {
    const { report, lines, clock } = startTestStep({ total: 1_000 + rest })
    clock.advance(1_000)
    report(1_000)
    expect(lines.at(-1)).toEndWith(`, ${text} left`)
  })

  test('has no time left at its end', () => {
    const { report, lines, clock } = startTestStep()
    clock.advance(60_000)
    report(1_000)
    expect(lines.at(-1)).toBe('copying: 99 %, about 5 seconds left')
  })

  test.each([
    [1, 1, 'copying: 99 %, about 5 seconds left'],
    [1, 2, 'copying: 50 %, about 5 seconds left'],
    [999, 100_000, 'copying: 0 %, about 2 minutes left'],
    [1_000, 100_000, 'copying: 1 %, about 2 minutes left'],
    [98_999, 100_000, 'copying: 98 %, about 5 seconds left'],
  ])('of %i of %i parts is rounded down', (done, total, line) => {
    const { report, lines, clock } = startTestStep({ total })
    clock.advance(1_000)
    report(done)
    expect(lines.at(-1)).toBe(line)
  })

  test('of nothing is 0 %', () => {
    const { report, lines } = startTestStep({ total: 0 })
    report(0)
    expect(lines).toEqual(['copying: 0 %'])
  })

  test('costs nothing if nobody looks', () => {
    const clock = () => {
      throw new Error('looked at the clock')
    }
    startTestStep({ onProgress: null, clock }).report(5)
  })

  test('of rows goes through one table after another', () => {
    const { lines, step } = startTestStep()
    const report = startRowStep({ ...step, name: 'verifying' })
    report('users', 10)
    report('records', 90)
    report('records', 490)
    report('notes', 500)
    expect(lines.slice(1)).toEqual([0, 1, 10, 50, 99].map((percent) => `verifying: ${percent} %`))
  })

  test('of rows counts each of them once', () => {
    const { lines, step } = startTestStep()
    const report = startRowStep({ ...step, total: 4, name: 'verifying' })
    for (const [table, rows] of [
      ['users', 1],
      ['records', 1],
      ['records', 2],
    ] as const)
      report(table, rows)
    expect(lines.slice(1)).toEqual([0, 25, 50, 75].map((percent) => `verifying: ${percent} %`))
  })

  test('of rows needs the number of all rows, unless nobody looks', async () => {
    await using database = await createSqliteTestDatabase()
    await (await startServerOn(database)).stop()
    const counts = tables.map(({ name }) => database.sql(`select count(*) as n from ${name}`))
    const rows = (await Promise.all(counts)).flat().reduce((sum, { n }) => sum + Number(n), 0)
    expect(rows).toBeGreaterThan(1)
    const count = (onProgress: ProgressListener | null) =>
      targetsOf(database).database.withSnapshot((db) => countForStep(db, onProgress))
    expect([await count(() => {}), await count(null)]).toEqual([rows, 0])
  })
})
