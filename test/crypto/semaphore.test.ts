import { expect, test } from 'bun:test'
import { createSemaphore } from '../../src/crypto/semaphore'
import { captureError } from '../support/capture-error'

test('work runs first come first served with limited concurrency, also after a failure', async () => {
  const semaphore = createSemaphore(2, 3)
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
  const semaphore = createSemaphore(1, 9)
  const first = Promise.withResolvers<void>()
  const running = semaphore(() => first.promise)
  const gone = new AbortController()
  let isRun = false
  const waiting = semaphore(
    async () => {
      isRun = true
    },
    { signal: gone.signal },
  )
  gone.abort()
  first.resolve()
  await running
  expect(await captureError(waiting)).toMatchObject({ code: 'unavailable' })
  expect(isRun).toBeFalse()
  expect(await semaphore(async () => 'next')).toBe('next')
})

test('preferred work runs before other work, and has its own queue', async () => {
  const semaphore = createSemaphore(1, 2)
  const first = Promise.withResolvers<void>()
  const running = semaphore(() => first.promise)
  const done: string[] = []
  const enqueue = (name: string, isPreferred: boolean) =>
    semaphore(async () => void done.push(name), { isPreferred })
  const others = [enqueue('a stranger', false), enqueue('another', false)]
  expect(await captureError(enqueue('one too many', false))).toMatchObject({ code: 'unavailable' })
  const owners = [enqueue('the owner', true), enqueue('their phone', true)]
  expect(await captureError(enqueue('too many as well', true))).toMatchObject({
    code: 'unavailable',
  })
  first.resolve()
  await Promise.all([running, ...others, ...owners])
  expect(done).toEqual(['the owner', 'their phone', 'a stranger', 'another'])
})

test('work is not preferred unless its options say so', async () => {
  const semaphore = createSemaphore(1, 2)
  const first = Promise.withResolvers<void>()
  const done: string[] = []
  const running = [
    semaphore(() => first.promise),
    semaphore(async () => void done.push('other')),
    semaphore(async () => void done.push('preferred'), { isPreferred: true }),
  ]
  first.resolve()
  await Promise.all(running)
  expect(done).toEqual(['preferred', 'other'])
})

test('work is skipped if the check right before it throws, and the next work runs', async () => {
  const semaphore = createSemaphore(1, 2)
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
