import type { Kysely } from 'kysely'
import type { Schema } from './schema'

/** The name of the fact. */
const name = 'key_fingerprint'

/** Returns the fingerprint of the secret key that all servers of this database share. Null before its first server. */
export async function findKeyFingerprint(db: Kysely<Schema>): Promise<string | null> {
  const row = await db
    .selectFrom('facts')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirst()
  return row?.value ?? null
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
  await db.deleteFrom('facts').where('name', '=', name).execute()
  if (value !== null) await claimKeyFingerprint(db, value)
}
