import { describe, expect, test } from 'bun:test'
import { createDistinctCounter, requireNotLimited } from '../../src/domain/distinct-counter'
import { fakeClock } from '../support/timing'

const limit = { max: 3, seconds: 60 }

describe('a distinct counter', () => {
  test('locks a key out once it has too many distinct things, and no other key', () => {
    const clock = fakeClock()
    const counter = createDistinctCounter(limit, clock)
    for (let time = 0; time < 40; time++) expect(counter.add('a', 'same')).toBe(time === 0)
    expect(counter.secondsLeft('a')).toBe(0)
    counter.add('a', 'second')
    expect(counter.secondsLeft('a')).toBe(0)
    counter.add('a', 'third')
    expect(counter.secondsLeft('a')).toBe(60)
    expect(counter.secondsLeft('b')).toBe(0)
    clock.advance(59_500)
    expect(counter.secondsLeft('a')).toBe(1)
    clock.advance(500)
    expect(counter.secondsLeft('a')).toBe(0)
  })

  test('forgets things that are older than the window', () => {
    const clock = fakeClock()
    const counter = createDistinctCounter(limit, clock)
    for (let time = 0; time < 20; time++) {
      counter.add('a', `thing ${time}`)
      clock.advance(30_000)
      expect(counter.secondsLeft('a')).toBe(0)
    }
    // The last thing has just reached the end of its window; it is dropped at the next use of its key.
    expect(counter.size()).toBe(3)
    clock.advance(29_999)
    counter.add('a', 'one more')
    expect(counter.size()).toBe(3)
  })

  test('with backoff doubles each lockout within a day, up to a day', () => {
    const clock = fakeClock()
    const counter = createDistinctCounter(limit, clock, { hasBackoff: true })
    const lockOut = () => {
      for (const thing of ['1', '2', '3']) counter.add('a', thing)
      const seconds = counter.secondsLeft('a')
      clock.advance(seconds * 1000)
      return seconds
    }
    expect([lockOut(), lockOut(), lockOut(), lockOut()]).toEqual([60, 120, 240, 480])
    for (let time = 0; time < 10; time++) lockOut()
    expect(lockOut()).toBe(86_400)
    clock.advance(86_400_000)
    expect(lockOut()).toBe(86_400)
    clock.advance(86_400_001)
    expect(lockOut()).toBe(60)
  })

  test('without backoff makes each lockout equally long, also one that is longer than a day', () => {
    const clock = fakeClock()
    const [short, long] = [
      createDistinctCounter({ max: 1, seconds: 60 }, clock),
      createDistinctCounter({ max: 1, seconds: 172_800 }, clock, { hasBackoff: true }),
    ]
    for (let time = 0; time < 3; time++) {
      short.add('a', 'thing')
      expect(short.secondsLeft('a')).toBe(60)
      clock.advance(60_000)
    }
    for (let time = 0; time < 2; time++) {
      long.add('a', 'thing')
      expect(long.secondsLeft('a')).toBe(172_800)
      clock.advance(172_800_000)
    }
  })

  test('remembers nothing of a key that it locks out but the key', () => {
    const counter = createDistinctCounter(limit, fakeClock())
    expect(counter.size()).toBe(0)
    counter.add('a', '1')
    counter.add('a', '1')
    expect(counter.size()).toBe(2)
    counter.add('a', '2')
    counter.add('b', '1')
    expect(counter.size()).toBe(5)
    counter.add('a', '3')
    expect(counter.size()).toBe(3)
    // The same things count again after the lockout.
    for (const thing of ['1', '2', '3']) expect(counter.add('a', thing)).toBeTrue()
    expect(counter.size()).toBe(3)
  })

  test('uses bounded memory, and keeps the keys with the most things longest', () => {
    const clock = fakeClock()
    const counter = createDistinctCounter(limit, clock, { maxRemembered: 100 })
    for (const thing of ['1', '2', '3']) counter.add('guesser', thing)
    for (let index = 0; index < 10_000; index++) {
      counter.add(`stranger ${index}`, 'x')
      // A key and its thing for each stranger, and the key that is locked out.
      expect(counter.size()).toBe(Math.min(1 + 2 * (index + 1), 99))
    }
    expect(counter.secondsLeft('guesser')).toBe(60)
    // Also if every key has many things: the last one needs a place for each until it is locked out.
    for (let index = 0; index < 1_000; index++) {
      for (const thing of ['1', '2', '3']) counter.add(`other ${index}`, thing)
      expect(counter.size()).toBeLessThanOrEqual(100)
    }
    expect(counter.size()).toBe(98)
  })

  test.each([
    [15, 'light'],
    [16, 'heavy 0'],
  ])('of %d keys that were not used for longest and a lighter one evicts %s', (count, evicted) => {
    const clock = fakeClock()
    const maxRemembered = 3 * count + 2
    const counter = createDistinctCounter({ max: 10, seconds: 60 }, clock, { maxRemembered })
    const heavy = Array.from({ length: count }, (_, index) => `heavy ${index}`)
    for (const key of heavy) for (const thing of ['1', '2']) counter.add(key, thing)
    counter.add('light', '1')
    expect(counter.size()).toBe(maxRemembered)
    counter.add('newest', '1')
    // A thing is new only if its key was evicted.
    expect(counter.add(evicted, '1')).toBeTrue()
  })

  test('keeps 20,000 keys and things unless told otherwise', () => {
    const counter = createDistinctCounter(limit, fakeClock())
    for (let index = 0; index < 10_000; index++) counter.add(String(index), 'x')
    expect(counter.size()).toBe(20_000)
    counter.add('one more', 'x')
    expect(counter.size()).toBe(20_000)
    expect(counter.add('0', 'x')).toBeTrue()
  })
})

test.each([
  [1, '1 second'],
  [89, '89 seconds'],
  [90, '2 minutes'],
  [3600, '60 minutes'],
])('a lockout of %d seconds is reported as %s', (seconds, words) => {
  expect(() => requireNotLimited(0)).not.toThrow()
  expect(() => requireNotLimited(seconds)).toThrow(
    expect.objectContaining({
      code: 'rate_limited',
      message: `Too many attempts, try again in ${words}`,
      retryAfter: seconds,
    }),
  )
})
