import { expect, test } from 'bun:test'
import { startLooking } from '../../src/tls/watch'
import { virtualTiming } from '../support/store'
import { aLog, until } from '../support/tls'

test('a look that fails in a way that nobody thought of is told once, and others follow', async () => {
  const { log, of } = aLog()
  let looks = 0
  const looking = startLooking({ pause: 2_000, wait: virtualTiming().wait, log }, async () => {
    looks++
    if (looks <= 3 || looks === 5) throw new TypeError('x is undefined')
    return looks === 4
  })
  await until(() => looks > 8)
  expect(of('error').map(({ message }) => message)).toEqual([
    'the certificate is kept as it is',
    'the certificate is kept as it is',
  ])
  expect(JSON.stringify(of('error')[0])).toContain('x is undefined')
  await looking.stop()
  const last = looks
  await Bun.sleep(5)
  expect(looks).toBe(last)
})
