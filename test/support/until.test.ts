import { expect, test } from 'bun:test'
import { captureError } from './capture-error'
import { until } from './until'

test('waits until the condition returns a value, and returns it', async () => {
  const answers = [null, undefined, false, Promise.resolve(null), 0, 1]
  expect(await until(() => answers.shift(), 'a value', { interval: 1 })).toBe(0)
  expect(answers).toEqual([1])
})

test('names what did not come', async () => {
  const waiting = until(() => false, 'the first email', { timeout: 20, interval: 1 })
  expect(await captureError(waiting)).toMatchObject({
    message: expect.stringContaining('timed out after 20 ms waiting for the first email'),
  })
})

test('checks the condition once more after the last wait', async () => {
  let checks = 0
  const found = until(() => ++checks === 2, 'the second check', { timeout: 1, interval: 20 })
  expect(await found).toBeTrue()
})

test('fails at once with the error of the condition', async () => {
  const broken = () => Promise.reject(new TypeError('x is undefined'))
  expect(await captureError(until(broken, 'nothing'))).toMatchObject({
    message: expect.stringContaining('x is undefined'),
  })
})
