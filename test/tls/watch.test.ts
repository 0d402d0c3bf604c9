import { expect, setDefaultTimeout, test } from 'bun:test'
import { startWatching } from '../../src/tls/watch'
import { virtualTiming } from '../support/store'
import { patientTiming } from '../support/timing'
import { createTestLog } from '../support/tls'
import { until } from '../support/until'

// Longer than `until` waits, so that its error names what did not come.
setDefaultTimeout(300_000)

test('a check that fails because of a bug is logged once, and further checks follow', async () => {
  const { log, listEntries } = createTestLog()
  let checks = 0
  const watch = startWatching(
    { name: 'certificate reload', pollInterval: 2_000, wait: virtualTiming().wait, log },
    async () => {
      checks++
      if (checks <= 3 || checks === 5) throw new TypeError('x is undefined')
      return checks === 4
    },
  )
  await until(() => checks > 8, 'the ninth check')
  expect(listEntries('error').map(({ message }) => message)).toEqual([
    'certificate reload failed',
    'certificate reload failed',
  ])
  expect(JSON.stringify(listEntries('error')[0])).toContain('x is undefined')
  await watch.stop()
  const last = checks
  await Bun.sleep(5)
  expect(checks).toBe(last)
})

test('a check that is asked for comes at once, and is told so', async () => {
  const { log } = createTestLog()
  const asked: boolean[] = []
  const timing = patientTiming({ longestPause: 2_000 })
  timing.hold()
  const paused = timing.nextPause(2_000)
  const watch = startWatching(
    { name: 'certificate reload', pollInterval: 2_000, wait: timing.wait, log },
    async (isAsked) => {
      asked.push(isAsked)
      return true
    },
  )
  await paused
  expect(asked).toEqual([])
  watch.checkNow()
  await until(() => asked.length > 0, 'the check')
  expect(asked).toEqual([true])
  await watch.stop()
})
