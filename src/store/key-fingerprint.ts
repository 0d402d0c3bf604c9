import type { Kysely } from 'kysely'
import { claimFact, deleteFact, findFact } from './facts'
import type { Schema } from './schema'

/** The name of the fact. */
const name = 'key_fingerprint'

/** Returns the fingerprint of the secret key that all servers of this database share. Null before its first server. */
export function findKeyFingerprint(db: Kysely<Schema>): Promise<string | null> {
  return findFact(db, name)
}

/** Stores a fingerprint. Returns false, and changes nothing, if there is one, perhaps of a server that has just been quicker. */
export function claimKeyFingerprint(db: Kysely<Schema>, value: string): Promise<boolean> {
  return claimFact(db, name, value)
}

/** Replaces the fingerprint. Null removes it. */
export async function replaceKeyFingerprint(
  db: Kysely<Schema>,
  value: string | null,
): Promise<void> {
  await deleteFact(db, name)
  if (value !== null) await claimKeyFingerprint(db, value)
}
