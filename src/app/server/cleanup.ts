import { type Loop, startLoop } from '../../background'
import type { Settings } from '../../config/settings'
import type { ClockWatch } from '../../domain/clock-watch'
import { removeExpiredAccounts } from '../../domain/expired-accounts'
import { deleteOldVersions } from '../../domain/history-expiry'
import type { Store } from '../../domain/store'
import { formatCount } from '../../domain/text'
import type { Log } from '../../log'
import type { Runtime } from '../runtime'

/** Milliseconds between two searches for what is too old. */
const cleanupInterval = 60 * 60_000
/** Milliseconds until the first one, whose writes would keep the first requests waiting. */
const initialDelay = 2_000

/**
 * Removes accounts that were never confirmed, if they have to be, those that their owners deleted a week ago, and the versions of
 * entries that are too old, soon and every hour.
 */
export function startCleanup(deps: {
  store: Store
  clockWatch: ClockWatch
  settings: Settings
  runtime: Runtime
  log: Log
  isConfirmationRequired: boolean
}): Loop {
  const { log, isConfirmationRequired } = deps
  const { unconfirmedDays } = deps.settings
  const days = isConfirmationRequired && unconfirmedDays > 0 ? unconfirmedDays : null
  const { wait } = deps.runtime
  const name = 'the removal of what is too old'
  return startLoop({ name, wait, log, initialDelay, retryDelay: cleanupInterval }, async () => {
    const { unconfirmed, deleted } = await removeExpiredAccounts(deps, days)
    if (unconfirmed > 0) log.info(`removed ${formatCount(unconfirmed, 'unconfirmed account')}`)
    if (deleted > 0)
      log.info(`removed ${formatCount(deleted, 'account')} that the owner had deleted`)
    const versions = await deleteOldVersions(deps)
    if (versions > 0) log.info(`removed ${formatCount(versions, 'old version')} of entries`)
    return cleanupInterval
  })
}
