import { serverEvent } from './audit'
import type { Clock } from './runtime'
import type { Store } from './store'

const day = 24 * 60 * 60_000

/**
 * Removes accounts that are older than `days`, were never confirmed and have an empty vault, so that a sign-up with the email
 * address of another person does not block that address. Returns the number of removed accounts.
 */
export function removeUnconfirmed(
  { store, clock }: { store: Store; clock: Clock },
  days: number,
): Promise<number> {
  const now = clock()
  return store.write(async (tx) => {
    const count = await tx.users.deleteUnconfirmed(now - days * day)
    // One row for all: each account has a row for its sign-up, with its email.
    if (count > 0) tx.audit.record(serverEvent(now, 'users-expired', { count }))
    return count
  })
}
