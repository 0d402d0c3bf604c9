import { type Loop, startLoop } from '../../background'
import type { ClockWatch } from '../../domain/clock-watch'
import { deleteOldVersions } from '../../domain/history-expiry'
import type { Store } from '../../domain/store'
import { formatCount } from '../../domain/text'
import type { Log } from '../../log'
import type { Runtime } from '../runtime'

/** Milliseconds between two searches for old versions. */
const interval = 60 * 60_000

/** Deletes the versions of entries that are too old, now and every hour. */
export function startHistoryExpiry(deps: {
  store: Store
  clockWatch: ClockWatch
  runtime: Runtime
  log: Log
}): Loop {
  const { runtime, log } = deps
  const options = { name: 'the deletion of old versions', wait: runtime.wait, log }
  return startLoop({ ...options, retryDelay: interval }, async () => {
    const count = await deleteOldVersions(deps)
    if (count > 0) log.info(`deleted ${formatCount(count, 'old version')} of entries`)
    return interval
  })
}
