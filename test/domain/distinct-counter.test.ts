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
    expect(counter.size()).toBeLessThan(5)
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
    clock.advance(86_400_001)
    expect(lockOut()).toBe(60)
  })

  test('uses bounded memory, and keeps the keys with the most things longest', () => {
    const clock = fakeClock()
    const counter = createDistinctCounter(limit, clock, { maxRemembered: 100 })
    for (const thing of ['1', '2', '3']) counter.add('guesser', thing)
    for (let index = 0; index < 10_000; index++) {
      counter.add(`stranger ${index}`, 'x')
      expect(counter.size()).toBeLessThanOrEqual(100)
    }
    expect(counter.secondsLeft('guesser')).toBe(60)
    // Also if every key has many things.
    for (let index = 0; index < 1_000; index++) {
      for (const thing of ['1', '2', '3']) counter.add(`other ${index}`, thing)
      expect(counter.size()).toBeLessThanOrEqual(100)
    }
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
