import { describe, expect, test } from 'bun:test'
import { createDeadlines } from '../../src/domain/deadlines'
import { steppedTiming } from '../support/stepped-timing'
import { manualTiming } from '../support/timing'
import { until } from '../support/until'

/** Races works against their deadlines, and records what came of each, and when. */
function createTestDeadlines() {
  const timing = manualTiming()
  const start = timing.monotonicClock()
  const deadlines = createDeadlines(timing)
  const outcomes: Record<string, unknown> = {}
  return {
    ...{ timing, outcomes },
    race(name: string, milliseconds: number, work: Promise<unknown> = new Promise(() => {})) {
      const at = () => timing.monotonicClock() - start
      deadlines.race(work, { timeout: milliseconds, onTimeout: () => 'too late' }).then(
        (result) => {
          outcomes[name] = [result, at()]
        },
        (error) => {
          outcomes[name] = [error, at()]
        },
      )
    },
  }
}

describe('deadlines', () => {
  test('end each wait at its time, whatever the order in which they began', async () => {
    const { race, outcomes, timing } = createTestDeadlines()
    race('third', 300)
    race('first', 100)
    race('second', 200)
    race('last', 400)
    await timing.advance(199)
    expect(outcomes).toEqual({ first: ['too late', 100] })
    race('later', 150)
    await timing.advance(300)
    expect(outcomes).toEqual({
      ...{ first: ['too late', 100], second: ['too late', 200], third: ['too late', 300] },
      ...{ later: ['too late', 349], last: ['too late', 400] },
    })
    expect(timing.sleeping()).toBe(0)
  })

  test('that are over when a process that stood still goes on, end together', async () => {
    const timing = steppedTiming(0)
    const deadlines = createDeadlines(timing)
    const ended: string[] = []
    for (const [name, timeout] of Object.entries({ first: 100, second: 200, third: 1_000 })) {
      const onTimeout = () => ended.push(name)
      deadlines.race(new Promise(() => {}), { timeout, onTimeout }).catch(() => {})
    }
    expect(await timing.nextWait()).toBe(100)
    timing.endWait(500)
    expect(await timing.nextWait()).toBe(500)
    expect(ended).toEqual(['first', 'second'])
    timing.endWait()
    await until(() => ended.length === 3, 'the third')
  })

  test('pass on what the work gives in time, and ignore what comes later', async () => {
    const { race, outcomes, timing } = createTestDeadlines()
    const late = Promise.withResolvers<void>()
    race('failed', 100, Promise.reject(new Error('of the work')))
    race('done', 100, Promise.resolve('done'))
    race('late', 100, late.promise)
    await timing.advance(100)
    late.reject(new Error('ignored'))
    await timing.advance(100)
    expect(outcomes).toEqual({
      ...{ failed: [new Error('of the work'), 0], done: ['done', 0] },
      late: ['too late', 100],
    })
  })

  test('share one timer, and leave none when nothing waits', async () => {
    const { race, timing } = createTestDeadlines()
    const works = [1, 2, 3].map(() => Promise.withResolvers<void>())
    for (const [index, { promise }] of works.entries()) race(`work ${index}`, 100 + index, promise)
    await timing.advance(0)
    expect(timing.sleeping()).toBe(1)
    for (const { resolve } of works) resolve()
    await timing.advance(0)
    expect(timing.sleeping()).toBe(0)
  })
})
