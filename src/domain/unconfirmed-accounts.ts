import { serverEvent } from './audit'
import { type ClockCorrectionDeps, correctTimes } from './clock-corrections'

const day = 24 * 60 * 60_000

/**
 * Removes accounts that are older than `days`, were never confirmed and have an empty vault, so that a sign-up with the email
 * address of another person does not block that address. Returns the number of removed accounts; none while the clock is
 * implausible. Accounts that were dated by a wrong clock are dated again first: an account of this morning may say 1970.
 */
export async function removeUnconfirmed(deps: ClockCorrectionDeps, days: number): Promise<number> {
  const { store, clockWatch } = deps
  const limit = clockWatch.ageLimit(days * day)
  if (limit === null) return 0
  await correctTimes(deps)
  return await store.write(async (tx) => {
    await tx.users.redateUnconfirmed(limit)
    const count = await tx.users.deleteUnconfirmed(limit.before)
    // One row for all: each account has a row for its sign-up, with its email.
    if (count > 0) tx.audit.record(serverEvent(limit.now, 'users-expired', { count }))
    return count
  })
}
