import { expect, test } from 'bun:test'
import { createTurns } from '../../src/crypto/turns'

test('turns run so many at once, in order of asking, and go on after a failure', async () => {
  const turns = createTurns(2, 3)
  const begun: number[] = []
  const ends: PromiseWithResolvers<void>[] = []
  const work = Array.from({ length: 5 }, (_, index) =>
    turns(async () => {
      begun.push(index)
      const end = Promise.withResolvers<void>()
      ends.push(end)
      await end.promise
      return index
    }),
  )
  await Bun.sleep(0)
  expect(begun).toEqual([0, 1])
  await expect(turns(async () => 'one too many')).rejects.toMatchObject({ code: 'unavailable' })

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
  expect(await turns(async () => 'free again')).toBe('free again')
})

test('a turn is not taken for somebody who is gone by then', async () => {
  const turns = createTurns(1, 9)
  const first = Promise.withResolvers<void>()
  const running = turns(() => first.promise)
  const gone = new AbortController()
  let isRun = false
  const waiting = turns(async () => {
    isRun = true
  }, gone.signal)
  gone.abort()
  first.resolve()
  await running
  await expect(waiting).rejects.toMatchObject({ code: 'unavailable' })
  expect(isRun).toBeFalse()
  expect(await turns(async () => 'next')).toBe('next')
})
