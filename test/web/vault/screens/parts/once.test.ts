import { expect, test } from 'bun:test'
import { signal } from '@preact/signals'
import { once } from '../../../../../src/web/vault/screens/parts/once'
import { captureError } from '../../../../support/capture-error'

test('does something once at a time, and again after a failure', async () => {
  const isBusy = signal(false)
  const gate = Promise.withResolvers<void>()
  let times = 0
  const work = () => {
    times++
    return gate.promise
  }
  const first = once(isBusy, work)
  await once(isBusy, work)
  expect([times, isBusy.value]).toEqual([1, true])
  gate.reject(new Error('out of memory'))
  expect(await captureError(first)).toMatchObject({ message: 'out of memory' })
  expect(isBusy.value).toBe(false)
  await once(isBusy, async () => {
    times++
  })
  expect([times, isBusy.value]).toEqual([2, false])
})
