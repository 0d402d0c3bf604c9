import { serverEvent } from './audit'
import { type ClockCorrectionDeps, correctTimes } from './clock-corrections'

const day = 24 * 60 * 60_000

/** Milliseconds after which an account that its owner has deleted is gone. Until then, an operator can bring it back. */
export const purgeDelay = 7 * day

/**
 * Removes accounts whose time is over, and returns how many: `unconfirmed` ones that are older than `unconfirmedDays` and have an
 * empty vault, so that a sign-up with the email address of another person does not block that address, unless the days are null;
 * and those that their owners have `deleted`. Removes none while the clock is implausible. Accounts that were dated by a wrong
 * clock are dated again first: an account of this morning may say 1970.
 */
export async function removeExpiredAccounts(
  deps: ClockCorrectionDeps,
  unconfirmedDays: number | null,
): Promise<{ unconfirmed: number; deleted: number }> {
  const { store, clockWatch } = deps
  const limit = clockWatch.ageLimit(purgeDelay)
  if (limit === null) return { unconfirmed: 0, deleted: 0 }
  await correctTimes(deps)
  const unconfirmed = await store.write(async (tx) => {
    await tx.users.redate(limit)
    if (unconfirmedDays === null) return 0
    const count = await tx.users.deleteUnconfirmed(limit.now - unconfirmedDays * day)
    // One row for all: each account has a row for its sign-up, with its email.
    if (count > 0) tx.audit.record(serverEvent(limit.now, 'users-expired', { count }))
    return count
  })
  const due = await store.readOne((tx) => tx.users.listDeleted(limit.before))
  let deleted = 0
  // One by one, so that other writes don't wait for all of the vaults.
  for (const { id: userId, email } of due) {
    const isPurged = await store.write(async (tx) => {
      if (!(await tx.users.purge(userId, limit.before))) return false
      tx.audit.record(serverEvent(limit.now, 'user-deleted', { userId, email }))
      return true
    })
    if (isPurged) deleted++
  }
  return { unconfirmed, deleted }
}
