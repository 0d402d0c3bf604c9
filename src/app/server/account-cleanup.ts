import { type Loop, startLoop } from '../../background'
import type { Settings } from '../../config/settings'
import type { ClockWatch } from '../../domain/clock-watch'
import { removeExpiredAccounts } from '../../domain/expired-accounts'
import type { Store } from '../../domain/store'
import { formatCount } from '../../domain/text'
import type { Log } from '../../log'
import type { Runtime } from '../runtime'

/** Milliseconds between two searches for accounts whose time is over. */
const cleanupInterval = 60 * 60_000

/**
 * Removes accounts that were never confirmed, if they have to be, and those that their owners deleted a week ago, now and every
 * hour.
 */
export function startAccountCleanup(deps: {
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
  const name = 'the removal of accounts'
  return startLoop({ name, wait, log, retryDelay: cleanupInterval }, async () => {
    const { unconfirmed, deleted } = await removeExpiredAccounts(deps, days)
    if (unconfirmed > 0) log.info(`removed ${formatCount(unconfirmed, 'unconfirmed account')}`)
    if (deleted > 0)
      log.info(`removed ${formatCount(deleted, 'account')} that the owner had deleted`)
    return cleanupInterval
  })
}
