import { serverEvent } from './audit'
import type { Clock } from './runtime'
import type { Store } from './store'

const day = 24 * 60 * 60_000

/**
 * Removes accounts that were made so many days ago, were never confirmed, and hold nothing, so that nobody can keep
 * an address that is not his. Answers how many.
 */
export function removeUnconfirmed(
  { store, clock }: { store: Store; clock: Clock },
  days: number,
): Promise<number> {
  const now = clock()
  return store.write(async (tx) => {
    const count = await tx.users.deleteUnconfirmed(now - days * day)
    // One row for all of them: each has one for its sign-up, with its email.
    if (count > 0) tx.audit.record(serverEvent(now, 'users-expired', { count }))
    return count
  })
}
