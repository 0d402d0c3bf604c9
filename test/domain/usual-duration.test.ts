import { expect, test } from 'bun:test'
import { createUsualDuration } from '../../src/domain/usual-duration'
import { captureError } from '../support/capture-error'
import { fakeClock } from '../support/timing'

test('the last work that succeeded counts a quarter of the usual duration', async () => {
  const clock = fakeClock()
  const usual = createUsualDuration(clock)
  const take = (milliseconds: number) =>
    usual.measure(async () => {
      clock.advance(milliseconds)
      return milliseconds
    })
  expect(usual.get()).toBe(0)
  expect(createUsualDuration(clock, 70).get()).toBe(70)
  expect(await take(100)).toBe(100)
  expect(usual.get()).toBe(100)
  await take(200)
  expect(usual.get()).toBe(125)
  const failing = usual.measure(async () => {
    clock.advance(9_000)
    throw new Error('failed')
  })
  expect(await captureError(failing)).toMatchObject({ message: 'failed' })
  expect(usual.get()).toBe(125)
})
