import { formatCount, sanitizeLine } from '../../domain/text'
import type { Targets } from '../targets'
import type { Outcome } from './findings'

/** How many mailboxes a line names. */
const maxListed = 10

/**
 * Lists the accounts of one mailbox, which were created before all spellings of its address counted as one, or adopted. They go on,
 * so that is no problem. Counts the accounts that their owners have deleted, whose emails are taken until they are purged.
 */
export async function checkAccounts({ database }: Targets): Promise<Outcome> {
  const { twins, deleted } = await database.withShared((store) =>
    store.read(async (tx) => ({
      twins: await tx.users.listTwins(),
      deleted: (await tx.users.listDeleted(Number.MAX_SAFE_INTEGER)).length,
    })),
  )
  const purged = deleted === 0 ? '' : `; ${formatCount(deleted, 'account')} deleted by the owner`
  if (twins.length === 0) return { fact: `each mailbox has one account${purged}` }
  const listed = twins
    .slice(0, maxListed)
    .map((emails) => emails.map((email) => sanitizeLine(email)).join(' and '))
  const rest = twins.length > maxListed ? [`${twins.length - maxListed} more`] : []
  return { fact: `accounts of the same mailbox: ${[...listed, ...rest].join('; ')}${purged}` }
}
