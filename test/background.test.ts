import { describe, expect, test } from 'bun:test'
import { type LoopOptions, startLoop } from '../src/background'
import { DomainError } from '../src/domain/errors'
import { createLog } from '../src/log'
import { manualTiming } from './support/timing'

/** Starts a loop that runs the given rounds one after the other. Time passes only by `advance`. */
function createLoop(rounds: (() => Promise<number> | number)[], change: Partial<LoopOptions> = {}) {
  const timing = manualTiming()
  const lines: {
    level: string
    message: string
    reason?: string
    hint?: string
    fault?: string
  }[] = []
  const log = createLog('json', timing.clock, (line) => lines.push(JSON.parse(line)))
  const begins: number[] = []
  const start = timing.clock()
  const options = { name: 'the rounds', log, wait: timing.wait, retryDelay: 1_000, ...change }
  const loop = startLoop(options, async () => {
    begins.push(timing.clock() - start)
    return (await rounds.shift()?.()) ?? 100
  })
  return { loop, lines, begins, advance: timing.advance }
}

const unavailable = () => {
  throw new DomainError('unavailable', 'the database is away', { hint: 'start it' })
}
const bug = () => {
  throw new TypeError('undefined is not a function')
}

describe('a background loop', () => {
  test('waits as long as each round asks', async () => {
    const { loop, begins, advance } = createLoop([() => 10, () => 200], { initialDelay: 5 })
    await advance(400)
    expect(begins).toEqual([5, 15, 215, 315])
    await loop.stop()
  })

  test('goes on after a bug, which is logged whole, once', async () => {
    const { loop, lines, begins, advance } = createLoop([bug, bug, () => 100, bug])
    await advance(2_200)
    expect(begins).toEqual([0, 1_000, 2_000, 2_100])
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'error',
        message: 'the rounds failed',
        fault: expect.stringContaining('background.test.ts'),
      }),
      // Again, for a round between them succeeded.
      expect.objectContaining({ level: 'error', message: 'the rounds failed' }),
    ])
    await loop.stop()
  })

  test('warns of an expected failure with its hint, once until the failure changes', async () => {
    const { loop, lines, advance } = createLoop([unavailable, unavailable, bug, unavailable])
    await advance(3_500)
    expect(lines.map(({ level, reason, hint }) => ({ level, reason, hint }))).toEqual([
      { level: 'warn', reason: 'the database is away', hint: 'start it' },
      { level: 'error', reason: undefined, hint: undefined },
      { level: 'warn', reason: 'the database is away', hint: 'start it' },
    ])
    await loop.stop()
  })

  test('logs an expected failure at error if the options say so', async () => {
    const { loop, lines, advance } = createLoop([unavailable], { expectedLevel: 'error' })
    await advance(10)
    expect(lines).toEqual([expect.objectContaining({ level: 'error', hint: 'start it' })])
    await loop.stop()
  })

  test('starts its next round when it is woken, even during a round', async () => {
    let wakeDuringRound = () => {}
    const { loop, begins, advance } = createLoop([
      () => 60_000,
      () => {
        wakeDuringRound()
        return 60_000
      },
    ])
    wakeDuringRound = loop.wake
    await advance(10)
    loop.wake()
    await advance(10)
    expect(begins).toEqual([0, 10, 10])
    await loop.stop()
  })

  test('stops at once between rounds, and starts no further one', async () => {
    const { loop, lines, begins, advance } = createLoop([() => 60_000])
    await advance(10)
    expect(await loop.stop(0)).toBeTrue()
    await advance(120_000)
    expect({ begins, lines }).toEqual({ begins: [0], lines: [] })
  })

  test('does its last work at the stop, after the round that runs', async () => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const done: string[] = []
    const { loop, begins, advance } = createLoop(
      [() => promise.then((delay) => done.push('round') * delay)],
      { onStop: async () => void done.push('last work') },
    )
    await advance(10)
    const stopped = loop.stop()
    await advance(10)
    expect(done).toEqual([])
    resolve(0)
    expect(await stopped).toBeTrue()
    expect({ done, begins }).toEqual({ done: ['round', 'last work'], begins: [0] })
  })

  test.each([
    ['an expected failure', unavailable, { level: 'warn', reason: 'the database is away' }],
    ['a bug', bug, { level: 'error', fault: expect.stringContaining('background.test.ts') }],
  ])('logs %s of its last work, and stops', async (_name, fail, line) => {
    const { loop, lines, advance } = createLoop([], { onStop: async () => fail() })
    await advance(10)
    expect(await loop.stop()).toBeTrue()
    expect(lines).toEqual([expect.objectContaining({ message: 'the rounds failed', ...line })])
  })

  test('is not stopped before its last work is done', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { loop, advance } = createLoop([], { onStop: () => promise })
    await advance(10)
    let isStopped = false
    const stopping = loop.stop().then(() => {
      isStopped = true
    })
    await advance(10)
    expect(isStopped).toBeFalse()
    resolve()
    await stopping
    expect(isStopped).toBeTrue()
  })

  test('asks for no wait of no time, and for any other one', async () => {
    const waits: number[] = []
    const rounds = [() => 0, () => 1, () => 2]
    const { loop } = createLoop(rounds, {
      wait: (milliseconds, signal) => {
        waits.push(milliseconds)
        if (milliseconds < 2) return Promise.resolve()
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason))
        })
      },
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(waits).toEqual([1, 2])
    await loop.stop()
    expect(rounds).toEqual([])
  })

  test('reports at its stop that a round takes longer than the timeout', async () => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const { loop, advance } = createLoop([() => promise])
    await advance(10)
    const stopped = loop.stop(500)
    await advance(500)
    expect(await stopped).toBeFalse()
    resolve(0)
    expect(await loop.stop()).toBeTrue()
  })
})
