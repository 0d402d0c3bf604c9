import type { Kysely } from 'kysely'
import { deleteFact, findFact } from './facts'
import type { Schema } from './schema'

/** The name of the fact. */
const name = 'key_fingerprint'

/** Returns the fingerprint of the secret key that all servers of this database share. Null before its first server. */
export function findKeyFingerprint(db: Kysely<Schema>): Promise<string | null> {
  return findFact(db, name)
}

/** Stores a fingerprint unless there is one. Another server may be first: read it again afterwards. */
export async function claimKeyFingerprint(db: Kysely<Schema>, value: string): Promise<void> {
  await db
    .insertInto('facts')
    .values({ name, value })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Replaces the fingerprint. Null removes it. */
export async function replaceKeyFingerprint(
  db: Kysely<Schema>,
  value: string | null,
): Promise<void> {
  await deleteFact(db, name)
  if (value !== null) await claimKeyFingerprint(db, value)
}
