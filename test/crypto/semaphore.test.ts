import { describe, expect, test } from 'bun:test'
import { createSemaphore } from '../../src/crypto/semaphore'
import { captureError } from '../support/capture-error'
import { manualTiming } from '../support/timing'

const semaphoreOf = (maxConcurrent: number, maxQueued: number, timing = manualTiming()) =>
  createSemaphore({ maxConcurrent, maxQueued, ...timing })

test('work runs first come first served with limited concurrency, also after a failure', async () => {
  const semaphore = semaphoreOf(2, 3)
  const started: number[] = []
  const ends: PromiseWithResolvers<void>[] = []
  const work = Array.from({ length: 5 }, (_, index) =>
    semaphore(async () => {
      started.push(index)
      const end = Promise.withResolvers<void>()
      ends.push(end)
      await end.promise
      return index
    }),
  )
  await Bun.sleep(0)
  expect(started).toEqual([0, 1])
  expect(await captureError(semaphore(async () => 'one too many'))).toMatchObject({
    code: 'unavailable',
  })

  ends[0]?.reject(new Error('failed'))
  expect(await captureError(Promise.resolve(work[0]))).toMatchObject({
    message: expect.stringContaining('failed'),
  })
  await Bun.sleep(0)
  expect(started).toEqual([0, 1, 2])

  for (let index = 1; index < 5; index++) {
    ends[index]?.resolve()
    expect(await work[index]).toBe(index)
    await Bun.sleep(0)
  }
  expect(started).toEqual([0, 1, 2, 3, 4])
  expect(await semaphore(async () => 'free again')).toBe('free again')
})

test('work whose client is gone is skipped', async () => {
  const semaphore = semaphoreOf(1, 9)
  const first = Promise.withResolvers<void>()
  const running = semaphore(() => first.promise)
  const bounds = { deadline: Number.POSITIVE_INFINITY, isAbandoned: false }
  let isRun = false
  const waiting = semaphore(
    async () => {
      isRun = true
    },
    { bounds },
  )
  bounds.isAbandoned = true
  first.resolve()
  await running
  expect(await captureError(waiting)).toMatchObject({ code: 'unavailable' })
  expect(isRun).toBeFalse()
  expect(await semaphore(async () => 'next')).toBe('next')
})

test('origins take turns in the queue, and the one that has most in a full queue gives way', async () => {
  const semaphore = semaphoreOf(1, 4)
  const first = Promise.withResolvers<void>()
  const running = semaphore(() => first.promise)
  const done: string[] = []
  const enqueue = (name: string, origin: string) =>
    semaphore(async () => void done.push(name), { origin: [origin] })
  const strangers = ['1', '2', '3'].map((name) => enqueue(name, 'stranger'))
  const surplus = captureError(enqueue('4', 'stranger'))
  expect(await captureError(enqueue('5', 'stranger'))).toMatchObject({ code: 'unavailable' })
  const owner = enqueue('the owner', 'owner')
  expect(await surplus).toMatchObject({
    code: 'unavailable',
    message: 'Too many sign-ins at once, try again in a while',
  })
  first.resolve()
  await Promise.all([running, ...strangers, owner])
  expect(done).toEqual(['1', 'the owner', '2', '3'])
  expect(await semaphore(async () => 'free again')).toBe('free again')
})

test('work is skipped if the check right before it throws, and the next work runs', async () => {
  const semaphore = semaphoreOf(1, 2)
  const first = Promise.withResolvers<void>()
  const done: string[] = []
  const running = semaphore(() => first.promise, { beforeStart: () => void done.push('checked') })
  const refused = semaphore(async () => void done.push('refused'), {
    beforeStart: () => {
      throw new Error('locked out meanwhile')
    },
  })
  const next = semaphore(async () => void done.push('next'))
  expect(done).toEqual(['checked'])
  first.resolve()
  expect(await captureError(refused)).toMatchObject({
    message: expect.stringContaining('locked out meanwhile'),
  })
  await Promise.all([running, next])
  expect(done).toEqual(['checked', 'next'])
})

describe('work that has a deadline', () => {
  const slowWork = (timing: ReturnType<typeof manualTiming>, milliseconds: number) => () =>
    timing.wait(milliseconds)
  const tooBusy = {
    code: 'unavailable',
    message: 'Too many sign-ins at once, try again in a while',
  }
  const boundsIn = (timing: ReturnType<typeof manualTiming>, milliseconds: number) => ({
    deadline: timing.monotonicClock() + milliseconds,
    isAbandoned: false,
  })

  test('is refused at once before any has ended, by how long it is expected to take', async () => {
    const timing = manualTiming()
    const semaphore = createSemaphore({
      ...{ maxConcurrent: 1, maxQueued: 99, expectedDuration: 100 },
      ...timing,
    })
    const started: number[] = []
    const bounds = boundsIn(timing, 299)
    const enqueue = (index: number) =>
      semaphore(
        async () => {
          started.push(index)
          await timing.wait(10)
        },
        { bounds },
      )
    const accepted = [enqueue(0), enqueue(1)]
    expect(await captureError(enqueue(2))).toMatchObject(tooBusy)
    await timing.advance(10)
    // The first has shown that it takes less.
    accepted.push(enqueue(3))
    for (let round = 0; round < 2; round++) await timing.advance(10)
    await Promise.all(accepted)
    expect(started).toEqual([0, 1, 3])
  })

  test('is refused at once if what is queued takes longer', async () => {
    const timing = manualTiming()
    const semaphore = semaphoreOf(2, 99, timing)
    const first = semaphore(slowWork(timing, 1_000))
    await timing.advance(1_000)
    await first
    // Two run, and three wait: the next would begin after two rounds, and end after the third.
    const others = Array.from({ length: 5 }, () =>
      semaphore(slowWork(timing, 1_000), { origin: ['stranger'] }),
    )
    const attempt = (milliseconds: number, origin: string) =>
      semaphore(() => Promise.resolve('done'), {
        bounds: boundsIn(timing, milliseconds),
        origin: [origin],
      })
    expect(await captureError(attempt(2_999, 'stranger'))).toMatchObject(tooBusy)
    // Only one of them has its turn before another origin.
    expect(await captureError(attempt(1_999, 'owner'))).toMatchObject(tooBusy)
    const [fits, owner] = [attempt(3_000, 'stranger'), attempt(2_000, 'owner')]
    await timing.advance(4_000)
    expect(await Promise.all([fits, owner])).toEqual(['done', 'done'])
    await Promise.all(others)
  })

  test('is refused when its time is up in the queue, and leaves its place to the next', async () => {
    const timing = manualTiming()
    const semaphore = semaphoreOf(1, 2, timing)
    const first = semaphore(slowWork(timing, 5_000))
    const bounds = boundsIn(timing, 3_000)
    const late = captureError(semaphore(() => Promise.resolve('late'), { bounds }))
    const next = semaphore(() => Promise.resolve('next'))
    await timing.advance(2_999)
    expect(await captureError(semaphore(() => Promise.resolve('one too many')))).toMatchObject(
      tooBusy,
    )
    await timing.advance(1)
    expect(await late).toMatchObject(tooBusy)
    const other = semaphore(() => Promise.resolve('in its place'))
    await timing.advance(2_000)
    expect(await Promise.all([first, next, other])).toEqual([undefined, 'next', 'in its place'])
  })

  test('is tried after work that took much too long, so that one long pause does not refuse everything', async () => {
    const timing = manualTiming()
    const semaphore = semaphoreOf(1, 2, timing)
    const slow = semaphore(slowWork(timing, 3_600_000))
    await timing.advance(3_600_000)
    await slow
    const bounds = boundsIn(timing, 1_000)
    expect(await semaphore(() => Promise.resolve('done'), { bounds })).toBe('done')
    expect(
      await captureError(
        semaphore(() => Promise.resolve('late'), { bounds: boundsIn(timing, -1) }),
      ),
    ).toMatchObject(tooBusy)
    expect(await semaphore(() => Promise.resolve('next'))).toBe('next')
  })

  test('has its turn if that comes together with its deadline, and passes it on', async () => {
    const timing = manualTiming()
    const semaphore = semaphoreOf(1, 2, timing)
    const first = semaphore(slowWork(timing, 1_000))
    const bounds = boundsIn(timing, 1_000)
    const other = semaphore(() => Promise.resolve('other'), { bounds }).catch(() => 'too late')
    const next = semaphore(() => Promise.resolve('next'))
    await timing.advance(1_000)
    await first
    expect(['other', 'too late']).toContain(await other)
    expect(await next).toBe('next')
  })
})
