import type { Store } from './store'
import type { Clock } from './world'

const day = 24 * 60 * 60_000

/**
 * Removes accounts that were made so many days ago, were never confirmed, and hold nothing, so that nobody can keep
 * an address that is not his. Answers how many.
 */
export function removeUnconfirmed(
  { store, clock }: { store: Store; clock: Clock },
  days: number,
): Promise<number> {
  const before = clock() - days * day
  return store.write((scope) => scope.users.deleteUnconfirmed(before))
}
