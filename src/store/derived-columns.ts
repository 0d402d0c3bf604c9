import type { Kysely } from 'kysely'
import { canonicalEmail } from '../domain/email'
import { forgetGeneration } from './generation'
import { fillHistoryTotals } from './history'
import type { Schema } from './schema'

/** Called after rows of another database were inserted: computes what is not copied, and has the database get a new generation. */
export async function completeCopiedRows(db: Kysely<Schema>): Promise<void> {
  await fillDerivedColumns(db)
  await fillHistoryTotals(db)
  await forgetGeneration(db)
}

/**
 * Computes the derived columns of all rows: the canonical form of each email address, and the number of each account among those
 * of one mailbox, in the order of sign-up. Called after rows were inserted without them.
 */
export async function fillDerivedColumns(db: Kysely<Schema>): Promise<void> {
  const twins = new Map<string, number>()
  const users = await db.selectFrom('users').select(['seq', 'email']).orderBy('seq').execute()
  for (const { seq, email } of users) {
    const canonical = canonicalEmail(email)
    const twin = twins.get(canonical) ?? 0
    twins.set(canonical, twin + 1)
    const change = { canonical_email: canonical, twin }
    await db.updateTable('users').set(change).where('seq', '=', seq).execute()
  }
  const invitations = await db.selectFrom('invitations').select(['seq', 'email']).execute()
  for (const { seq, email } of invitations) {
    const change = { canonical_email: canonicalEmail(email) }
    await db.updateTable('invitations').set(change).where('seq', '=', seq).execute()
  }
}
