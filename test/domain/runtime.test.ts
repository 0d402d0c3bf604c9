import { describe, expect, test } from 'bun:test'
import { pollUntil, sleep, withTimeout } from '../../src/domain/runtime'
import { manualTiming } from '../support/timing'

const never = new Promise<never>(() => {})

describe('a timeout', () => {
  test('does not change a result or a failure that is in time', async () => {
    const { wait } = manualTiming()
    const options = { wait, timeout: 100, onTimeout: () => 'late' }
    expect(await withTimeout(options, Promise.resolve('done'))).toBe('done')
    await expect(withTimeout(options, Promise.reject(new Error('no')))).rejects.toThrow('no')
  })

  test('returns or throws when work takes too long', async () => {
    const { wait, advance } = manualTiming()
    const late = withTimeout({ wait, timeout: 100, onTimeout: () => 'late' }, never)
    await advance(100)
    expect(await late).toBe('late')
    const thrown = withTimeout(
      {
        wait,
        timeout: 100,
        onTimeout: () => {
          throw new Error('too late')
        },
      },
      never,
    )
    thrown.catch(() => {})
    await advance(100)
    await expect(thrown).rejects.toThrow('too late')
  })
})

describe('a poll', () => {
  test('returns what it finds at the next interval', async () => {
    const { wait, clock, advance } = manualTiming()
    const start = clock()
    const found = pollUntil({ wait, timeout: 1_000, interval: 100 }, () =>
      clock() - start >= 250 ? clock() - start : null,
    )
    await advance(1_000)
    expect(await found).toBe(300)
  })

  test('polls once with a timeout of 0, and a last time at the end of a longer one', async () => {
    const { wait, advance } = manualTiming()
    let calls = 0
    const poll = () => {
      calls++
      return null
    }
    expect(await pollUntil({ wait, timeout: 0, interval: 100 }, poll)).toBeNull()
    expect(calls).toBe(1)
    const found = pollUntil({ wait, timeout: 200, interval: 100 }, poll)
    await advance(1_000)
    expect(await found).toBeNull()
    expect(calls).toBe(4)
  })
})

test('a sleep ends when its signal aborts, and does not start if it has aborted', async () => {
  const { wait, advance } = manualTiming()
  const controller = new AbortController()
  const sleeping = sleep(wait, 1_000, controller.signal)
  await advance(1)
  controller.abort()
  await sleeping
  await sleep(wait, 1_000, controller.signal)
})
