import { describe, expect, test } from 'bun:test'
import { createDistinctCounter, requireNotLimited } from '../../src/domain/distinct-counter'
import { fakeClock } from '../support/timing'

const limit = { max: 3, seconds: 60 }

describe('distinct counts', () => {
  test('shut a key out once it has too many distinct things, and that key alone', () => {
    const clock = fakeClock()
    const counts = createDistinctCounter(limit, clock)
    for (let time = 0; time < 40; time++) expect(counts.add('a', 'same')).toBe(time === 0)
    expect(counts.secondsLeft('a')).toBe(0)
    counts.add('a', 'second')
    expect(counts.secondsLeft('a')).toBe(0)
    counts.add('a', 'third')
    expect(counts.secondsLeft('a')).toBe(60)
    expect(counts.secondsLeft('b')).toBe(0)
    clock.advance(59_500)
    expect(counts.secondsLeft('a')).toBe(1)
    clock.advance(500)
    expect(counts.secondsLeft('a')).toBe(0)
  })

  test('forget what is older than the window', () => {
    const clock = fakeClock()
    const counts = createDistinctCounter(limit, clock)
    for (let time = 0; time < 20; time++) {
      counts.add('a', `thing ${time}`)
      clock.advance(30_000)
      expect(counts.secondsLeft('a')).toBe(0)
    }
    expect(counts.size()).toBeLessThan(5)
  })

  test('grow where they are told to, up to a day, and forgive after one', () => {
    const clock = fakeClock()
    const counts = createDistinctCounter(limit, clock, { hasBackoff: true })
    const shut = () => {
      for (const thing of ['1', '2', '3']) counts.add('a', thing)
      const seconds = counts.secondsLeft('a')
      clock.advance(seconds * 1000)
      return seconds
    }
    expect([shut(), shut(), shut(), shut()]).toEqual([60, 120, 240, 480])
    for (let time = 0; time < 10; time++) shut()
    expect(shut()).toBe(86_400)
    clock.advance(86_400_001)
    expect(shut()).toBe(60)
  })

  test('remember no more than they are let, and those the longest who tried the most', () => {
    const clock = fakeClock()
    const counts = createDistinctCounter(limit, clock, { maxRemembered: 100 })
    for (const thing of ['1', '2', '3']) counts.add('guesser', thing)
    for (let index = 0; index < 10_000; index++) {
      counts.add(`stranger ${index}`, 'x')
      expect(counts.size()).toBeLessThanOrEqual(100)
    }
    expect(counts.secondsLeft('guesser')).toBe(60)
    // Also when everybody tries a lot.
    for (let index = 0; index < 1_000; index++) {
      for (const thing of ['1', '2', '3']) counts.add(`other ${index}`, thing)
      expect(counts.size()).toBeLessThanOrEqual(100)
    }
  })
})

test.each([
  [1, '1 second'],
  [89, '89 seconds'],
  [90, '2 minutes'],
  [3600, '60 minutes'],
])('who has to wait %d seconds is told so in words', (seconds, words) => {
  expect(() => requireNotLimited(0)).not.toThrow()
  expect(() => requireNotLimited(seconds)).toThrow(
    expect.objectContaining({
      code: 'rate_limited',
      message: `Too many attempts, try again in ${words}`,
      retryAfter: seconds,
    }),
  )
})
