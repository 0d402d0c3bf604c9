import type { Kysely } from 'kysely'
import type { Schema } from './schema'

const name = 'key_fingerprint'

/** The fingerprint of the secret key that this database's servers share; null before its first server. */
export async function findKeyFingerprint(db: Kysely<Schema>): Promise<string | null> {
  const row = await db
    .selectFrom('facts')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirst()
  return row?.value ?? null
}

/** Gives the database a fingerprint unless it has one. Whoever comes first decides; see what is there afterwards. */
export async function claimKeyFingerprint(db: Kysely<Schema>, value: string): Promise<void> {
  await db
    .insertInto('facts')
    .values({ name, value })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Gives the database another fingerprint, null for none, and says whether it changed. */
export async function replaceKeyFingerprint(
  db: Kysely<Schema>,
  value: string | null,
): Promise<void> {
  await db.deleteFrom('facts').where('name', '=', name).execute()
  if (value !== null) await claimKeyFingerprint(db, value)
}
