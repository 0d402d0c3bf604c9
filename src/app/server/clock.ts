import { type Loop, startLoop } from '../../background'
import type { ClockWatch } from '../../domain/clock-watch'
import type { Store } from '../../domain/store'
import type { Log } from '../../log'
import { clockHint, openClockWatch } from '../clock'
import type { Runtime } from '../runtime'

/** Milliseconds between two looks at the clock. */
const lookInterval = 10_000

/** Milliseconds after which the known time is stored again: a quiet server makes one commit a day for it. */
const saveInterval = 24 * 60 * 60_000

/**
 * Starts to watch the clock. Logs when it becomes implausible, and when it is plausible again. Stores the known time, so that
 * the next start knows it; before this returns, if the clock is implausible or nothing is stored: rows that are written from
 * now on must not count as evidence. Throws a DomainError when the database can't be used.
 */
export async function startClockWatch(deps: {
  store: Store
  runtime: Runtime
  log: Log
}): Promise<{ readonly clockWatch: ClockWatch; readonly loop: Loop }> {
  const { store, runtime, log } = deps
  const clockWatch = await openClockWatch(store, runtime)
  let isImplausible = false

  const look = async (): Promise<void> => {
    const problem = clockWatch.problem()
    if ((problem !== null) !== isImplausible) {
      isImplausible = problem !== null
      if (problem === null) log.info('the clock is plausible: what is old is deleted again')
      else log.error(`nothing is deleted by age: ${problem.detail}`, undefined, { hint: clockHint })
    }
    const state = clockWatch.unsaved(saveInterval)
    if (state === null) return
    await store.write((tx) => tx.knownTime.save(state))
    clockWatch.markSaved(state)
  }

  await look()
  const loop = startLoop(
    {
      name: 'the check of the clock',
      wait: runtime.wait,
      log,
      initialDelay: lookInterval,
      retryDelay: lookInterval,
    },
    async () => {
      await look()
      return lookInterval
    },
  )
  return { clockWatch, loop }
}
