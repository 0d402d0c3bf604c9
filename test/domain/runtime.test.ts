import { describe, expect, test } from 'bun:test'
import { pollUntil, randomFraction, sleep, withTimeout } from '../../src/domain/runtime'
import { captureError } from '../support/capture-error'
import { manualTiming } from '../support/timing'

const never = new Promise<never>(() => {})

describe('a timeout', () => {
  test('does not change a result or a failure that is in time', async () => {
    const { wait } = manualTiming()
    const options = { wait, timeout: 100, onTimeout: () => 'late' }
    expect(await withTimeout(options, Promise.resolve('done'))).toBe('done')
    expect(await captureError(withTimeout(options, Promise.reject(new Error('no'))))).toMatchObject(
      { message: expect.stringContaining('no') },
    )
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
    expect(await captureError(thrown)).toMatchObject({
      message: expect.stringContaining('too late'),
    })
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
    const longer = pollUntil({ wait, timeout: 201, interval: 100 }, poll)
    await advance(1_000)
    expect(await longer).toBeNull()
    expect(calls).toBe(8)
  })

  test('waits for an answer that takes time before it polls again', async () => {
    const { wait, advance } = manualTiming()
    const answers = [null, 'found']
    const polling = pollUntil({ wait, timeout: 200, interval: 100 }, async () => {
      await wait(50)
      return answers.shift() ?? null
    })
    await advance(1_000)
    expect(await polling).toBe('found')
  })
})

test('a sleep lasts as long as it is asked to, ends when its signal aborts, and does not start if it has aborted', async () => {
  const { wait, advance } = manualTiming()
  const controller = new AbortController()
  let isAwake = false
  const sleeping = sleep(wait, 1_000, controller.signal).then(() => {
    isAwake = true
  })
  await advance(999)
  expect(isAwake).toBeFalse()
  await advance(1)
  await sleeping
  const aborted = sleep(wait, 1_000, controller.signal)
  controller.abort()
  await aborted
  await sleep(() => Promise.reject(new Error('a wait was started')), 1_000, controller.signal)
  let waits = 0
  await sleep(
    () => {
      waits++
      return Promise.resolve()
    },
    1_000,
    controller.signal,
  )
  expect(waits).toBe(0)
})

test('a timeout leaves no timer behind, and ignores what late work comes to', async () => {
  const signals: AbortSignal[] = []
  const wait = (_milliseconds: number, signal?: AbortSignal) => {
    if (signal !== undefined) signals.push(signal)
    return new Promise<void>((_, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason)),
    )
  }
  const options = { wait, timeout: 100, onTimeout: () => 'late' }
  expect(await withTimeout(options, Promise.resolve('done'))).toBe('done')
  expect(await captureError(withTimeout(options, Promise.reject(new Error('no'))))).toMatchObject({
    message: expect.stringContaining('no'),
  })
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])

  const { wait: manualWait, advance } = manualTiming()
  const work = Promise.withResolvers<string>()
  const late = withTimeout(
    { wait: manualWait, timeout: 100, onTimeout: () => 'late' },
    work.promise,
  )
  await advance(99)
  expect(await Promise.race([late, Promise.resolve('waiting')])).toBe('waiting')
  await advance(1)
  expect(await late).toBe('late')
  // An unhandled rejection would fail the test.
  work.reject(new Error('late failure'))
  await advance(1)
})

test('a poll passes its signal to the wait, and rejects when that aborts', async () => {
  const { wait, advance } = manualTiming()
  const controller = new AbortController()
  const polling = pollUntil(
    { wait, timeout: 1_000, interval: 100, signal: controller.signal },
    () => null,
  ).catch((error: unknown) => error)
  await advance(150)
  controller.abort(new Error('stopped'))
  expect(await polling).toEqual(new Error('stopped'))
})

test('a fraction of randomness is a 256th of a byte', () => {
  const fractionOf = (...bytes: number[]) =>
    randomFraction((count) => {
      expect(count).toBe(1)
      return new Uint8Array(bytes)
    })
  expect([fractionOf(0), fractionOf(1), fractionOf(128), fractionOf(255)]).toEqual([
    0,
    1 / 256,
    0.5,
    255 / 256,
  ])
})
