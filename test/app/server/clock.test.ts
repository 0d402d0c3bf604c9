import { expect, test } from 'bun:test'
import { startClockWatch } from '../../../src/app/server/clock'
import { steppedTiming } from '../../support/stepped-timing'
import { openSqliteStore } from '../../support/store'
import { random } from '../../support/timing'
import { createTestLog } from '../../support/tls'

test('a clock that becomes implausible, and plausible again, is logged once each, however often the server looks', async () => {
  await using store = await openSqliteStore()
  const day = 86_400_000
  const start = Date.now() + day
  const timing = steppedTiming(start)
  const { log, lines } = createTestLog()
  const { clockWatch, loop } = await startClockWatch({ store, log, runtime: { ...timing, random } })
  const stored = () => store.read((tx) => tx.knownTime.find())
  expect(await stored()).toEqual({ time: start, disproved: null, doubt: null })
  /** Sets the clock, has the server look three times, and returns what it logs. */
  const lookAt = async (time: number) => {
    lines.length = 0
    for (const later of [0, 20_000, 40_000]) {
      expect(await timing.nextWait()).toBe(10_000)
      timing.setClock(time + later)
      timing.endWait()
    }
    await timing.nextWait()
    return lines.map((line) => JSON.parse(line))
  }
  expect(await lookAt(start + 10_000)).toEqual([])
  expect(await lookAt(start + 400 * day)).toEqual([
    expect.objectContaining({
      level: 'error',
      message: expect.stringMatching(
        /^nothing is deleted by age: the clock of this machine may be ahead/,
      ),
      hint: expect.stringContaining('timedatectl set-ntp true'),
    }),
  ])
  expect(clockWatch.problem()?.kind).toBe('ahead')
  expect((await stored())?.doubt).not.toBeNull()
  expect(await lookAt(start + 60_000)).toEqual([
    expect.objectContaining({
      level: 'info',
      message: 'the clock is plausible: what is old is deleted again',
    }),
  ])
  expect((await stored())?.doubt).toBeNull()
  await loop.stop()
})
