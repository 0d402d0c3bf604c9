import { expect, test } from 'bun:test'
import { createSemaphore } from '../../src/crypto/semaphore'

test('turns run so many at once, in order of asking, and go on after a failure', async () => {
  const semaphore = createSemaphore(2, 3)
  const begun: number[] = []
  const ends: PromiseWithResolvers<void>[] = []
  const work = Array.from({ length: 5 }, (_, index) =>
    semaphore(async () => {
      begun.push(index)
      const end = Promise.withResolvers<void>()
      ends.push(end)
      await end.promise
      return index
    }),
  )
  await Bun.sleep(0)
  expect(begun).toEqual([0, 1])
  await expect(semaphore(async () => 'one too many')).rejects.toMatchObject({ code: 'unavailable' })

  ends[0]?.reject(new Error('failed'))
  await expect(work[0]).rejects.toThrow('failed')
  await Bun.sleep(0)
  expect(begun).toEqual([0, 1, 2])

  for (let index = 1; index < 5; index++) {
    ends[index]?.resolve()
    expect(await work[index]).toBe(index)
    await Bun.sleep(0)
  }
  expect(begun).toEqual([0, 1, 2, 3, 4])
  expect(await semaphore(async () => 'free again')).toBe('free again')
})

test('a turn is not taken for somebody who is gone by then', async () => {
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
  await expect(waiting).rejects.toMatchObject({ code: 'unavailable' })
  expect(isRun).toBeFalse()
  expect(await semaphore(async () => 'next')).toBe('next')
})

test('a preferred turn goes before all others, and has a place when theirs are taken', async () => {
  const semaphore = createSemaphore(1, 2)
  const first = Promise.withResolvers<void>()
  const running = semaphore(() => first.promise)
  const done: string[] = []
  const ask = (name: string, isPreferred: boolean) =>
    semaphore(async () => void done.push(name), { isPreferred })
  const others = [ask('a stranger', false), ask('another', false)]
  await expect(ask('one too many', false)).rejects.toMatchObject({ code: 'unavailable' })
  const owners = [ask('the owner', true), ask('their phone', true)]
  await expect(ask('too many as well', true)).rejects.toMatchObject({ code: 'unavailable' })
  first.resolve()
  await Promise.all([running, ...others, ...owners])
  expect(done).toEqual(['the owner', 'their phone', 'a stranger', 'another'])
})
