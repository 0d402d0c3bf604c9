import { describe, expect, test } from 'bun:test'
import { createAnswerBudget } from '../../src/domain/answer-budget'
import { captureError } from '../support/capture-error'
import { unbounded } from '../support/session'
import { manualTiming } from '../support/timing'

const noCache = { bytes: 0, shrink: () => {} }

/** A budget of 640 bytes, of which an account has 320, 160 are for those who hold little, and 10 are little. */
function createTestBudget() {
  const timing = manualTiming()
  const budget = createAnswerBudget({
    maxBytes: 640,
    maxAccountBytes: 320,
    cache: noCache,
    ...timing,
  })
  const cut: string[] = []
  const input = (name: string, bytes: number, account = name) => ({
    ...{ account, bytes },
    giveWay: () => void cut.push(name),
  })
  return {
    ...{ timing, budget, cut },
    tryHold: (name: string, bytes: number, account?: string) =>
      budget.tryHold(input(name, bytes, account)),
    hold: (name: string, bytes: number, milliseconds = 5_000) =>
      budget.hold({
        ...input(name, bytes),
        bounds: { ...unbounded, deadline: timing.monotonicClock() + milliseconds },
      }),
  }
}

const busy = { code: 'unavailable', message: 'Too many answers are under way' }

describe('the budget of answers', () => {
  test('holds up to its bytes, and a part of them per account', () => {
    const { tryHold } = createTestBudget()
    expect(tryHold('a', 200)).not.toBeNull()
    expect(tryHold('a', 121)).toBeNull()
    expect(tryHold('a', 120)).not.toBeNull()
    expect(tryHold('a', 1)).toBeNull()
    expect(tryHold('b', 161)).toBeNull()
    expect(tryHold('b', 160)).not.toBeNull()
    expect(tryHold('c', 11)).toBeNull()
  })

  test('keeps a quarter for accounts that hold little', () => {
    const { tryHold } = createTestBudget()
    for (const name of ['a', 'b']) expect(tryHold(name, 240)).not.toBeNull()
    expect(tryHold('a', 1)).toBeNull()
    for (let index = 0; index < 16; index++) {
      expect(tryHold(`small ${index}`, 10)).not.toBeNull()
      expect(tryHold(`small ${index}`, 1)).toBeNull()
    }
    expect(tryHold('one more', 1)).toBeNull()
  })

  test('holds the first of an account, and of all, whatever its size', () => {
    const { tryHold } = createTestBudget()
    const first = tryHold('a', 10_000)
    expect(first).not.toBeNull()
    expect(tryHold('b', 1)).toBeNull()
    first?.release()
    expect(tryHold('b', 400)).not.toBeNull()
    expect(tryHold('a', 80)).not.toBeNull()
  })

  test('has the next wait until enough is free, and not longer than its request may take', async () => {
    const { timing, tryHold, hold } = createTestBudget()
    const first = tryHold('a', 480)
    const next = hold('b', 400, 1_500)
    const late = captureError(hold('c', 400, 1_500))
    await timing.advance(1_499)
    first?.release()
    first?.release()
    expect(await next).not.toBeNull()
    await timing.advance(1)
    expect(await late).toMatchObject(busy)
    // The look at those under way ends with the last that waits.
    await timing.advance(250)
    expect(timing.sleeping()).toBe(0)
    // What was released twice is free once.
    expect(tryHold('d', 81)).toBeNull()
  })

  test('serves those that wait each time that there is nothing left, not only once', async () => {
    const { timing, tryHold, hold } = createTestBudget()
    for (const name of ['b', 'c', 'd']) {
      const first = tryHold('a', 480)
      const next = hold(name, 400)
      await timing.advance(100)
      first?.release()
      await timing.advance(1)
      ;(await next).release()
    }
    expect(timing.sleeping()).toBe(0)
  })

  test('serves first those whose account holds least', async () => {
    const { timing, tryHold, hold } = createTestBudget()
    const first = tryHold('a', 480)
    const order: string[] = []
    const ask = async (name: string, bytes: number) => {
      const answer = await hold(name, bytes)
      order.push(name)
      return answer
    }
    const waiting = [ask('large', 300), ask('medium', 200), ask('small', 100)]
    await timing.advance(100)
    const late = ask('late', 50)
    first?.release()
    await timing.advance(250)
    expect(order).toEqual(['late', 'small', 'medium'])
    for (const answer of await Promise.all([late, ...waiting.slice(1)])) answer.release()
    await waiting[0]
    expect(order.at(-1)).toBe('large')
  })

  test('serves first, of lists of the same size, the account that was not served for longest', async () => {
    const { timing, tryHold, hold } = createTestBudget()
    const order: string[] = []
    const ask = async (name: string) => {
      const answer = await hold(name, 300)
      order.push(name)
      return answer
    }
    tryHold('late', 1)?.release()
    await timing.advance(10)
    const first = tryHold('a', 300)
    const waiting = [ask('a'), ask('late'), ask('new')]
    first?.release()
    await timing.advance(1)
    ;(await waiting[2])?.release()
    await timing.advance(1)
    ;(await waiting[1])?.release()
    await Promise.all(waiting)
    expect(order).toEqual(['new', 'late', 'a'])
  })

  test('holds nothing for a client that is gone', async () => {
    const { timing, budget, tryHold } = createTestBudget()
    const first = tryHold('a', 480)
    const bounds = { ...unbounded, isAbandoned: false }
    const waiting = captureError(
      budget.hold({ account: 'b', bytes: 400, giveWay: () => {}, bounds }),
    )
    bounds.isAbandoned = true
    await timing.advance(250)
    expect(await waiting).toMatchObject({ code: 'unavailable', message: 'The client is gone' })
    first?.release()
    expect(tryHold('c', 480)).not.toBeNull()
  })
})

describe('an answer', () => {
  test('gives way after two seconds to one of an account that holds less, and no other does', async () => {
    const { timing, cut, tryHold, hold } = createTestBudget()
    for (const name of ['a1', 'a2']) expect(tryHold(name, 150, 'a')).not.toBeNull()
    tryHold('b', 180)
    const waiting = hold('c', 140)
    await timing.advance(1_999)
    expect(cut).toEqual([])
    await timing.advance(251)
    await waiting
    expect(cut).toEqual(['a1'])
  })

  test('does not give way to one of an account that would hold as much, until it has been slow for five seconds', async () => {
    const { timing, cut, tryHold, hold } = createTestBudget()
    tryHold('a', 240)
    await timing.advance(1_000)
    tryHold('b', 240)
    const equal = hold('c', 240, 60_000)
    await timing.advance(3_999)
    expect(cut).toEqual([])
    await timing.advance(251)
    await equal
    expect(cut).toEqual(['a'])
  })

  test('gives way to one of its own account when it is slow, while others go on', async () => {
    const { timing, cut, tryHold, hold } = createTestBudget()
    tryHold('other', 100)
    const old = tryHold('a', 300)
    const next = hold('a', 100, 60_000)
    await timing.advance(4_999)
    expect(cut).toEqual([])
    await timing.advance(251)
    await next
    expect(cut).toEqual(['a'])
    // What gave way holds nothing, so its end frees nothing.
    old?.release()
    expect(tryHold('a', 221)).toBeNull()
  })

  test('does not give way as long as it leaves at 256 bytes a millisecond', async () => {
    const timing = manualTiming()
    const budget = createAnswerBudget({
      ...{ maxBytes: 40e6, maxAccountBytes: 20e6 },
      ...{ cache: noCache, ...timing },
    })
    const cut: string[] = []
    const hold = (name: string, bytes: number) =>
      budget.tryHold({ account: name, bytes, giveWay: () => void cut.push(name) })
    const fast = hold('fast', 15e6)
    const slow = hold('slow', 15e6)
    const waiting = budget.hold({
      ...{ account: 'next', bytes: 18e6, giveWay: () => {} },
      bounds: { ...unbounded, deadline: timing.monotonicClock() + 60_000 },
    })
    // What the system takes at once does not make an answer fast for long.
    for (const answer of [fast, slow]) answer?.free(2e6)
    await timing.advance(5_250)
    fast?.free(256 * 5_500)
    slow?.free(256 * 5_000 - 1)
    await timing.advance(4_500)
    expect(cut).toEqual([])
    await timing.advance(500)
    await waiting
    expect(cut).toEqual(['slow'])
  })

  test('holds less with each part that has left, and nothing once that was all', () => {
    const { tryHold } = createTestBudget()
    const answer = tryHold('a', 320)
    expect(tryHold('a', 100)).toBeNull()
    answer?.free(100)
    const other = tryHold('a', 100)
    expect(other).not.toBeNull()
    answer?.free(1_000)
    expect(tryHold('a', 221)).toBeNull()
    other?.release()
    other?.free(50)
    answer?.release()
    expect(tryHold('a', 320)).not.toBeNull()
    expect(tryHold('b', 161)).toBeNull()
  })

  test('does not give way if that is not enough', async () => {
    const { timing, cut, tryHold, hold } = createTestBudget()
    tryHold('a', 160)
    await timing.advance(20_000)
    tryHold('b', 320)
    expect(
      await captureError(Promise.all([hold('c', 300, 1_500), timing.advance(1_500)])),
    ).toMatchObject(busy)
    expect(cut).toEqual([])
  })

  test('takes back from the cache what answers need, and has no room for it beyond its bytes', () => {
    const cache = {
      bytes: 500,
      shrink(count: number) {
        cache.bytes -= Math.min(cache.bytes, Math.max(0, count))
      },
    }
    const budget = createAnswerBudget({
      ...{ maxBytes: 640, maxAccountBytes: 640 },
      ...{ cache, ...manualTiming() },
    })
    expect([budget.hasRoom(140), budget.hasRoom(141)]).toEqual([true, false])
    const hold = (bytes: number) => budget.tryHold({ account: 'a', bytes, giveWay: () => {} })
    const first = hold(140)
    expect(cache.bytes).toBe(500)
    expect(hold(40)).not.toBeNull()
    expect(cache.bytes).toBe(460)
    // What is refused takes nothing.
    expect(hold(641)).toBeNull()
    expect(cache.bytes).toBe(460)
    first?.release()
    expect([budget.hasRoom(140), budget.hasRoom(141)]).toEqual([true, false])
  })
})
