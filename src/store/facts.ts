import type { Kysely } from 'kysely'
import type { Schema } from './schema'

/** Returns the value of a fact, null if there is none. */
export async function findFact(db: Kysely<Schema>, name: string): Promise<string | null> {
  const row = await db
    .selectFrom('facts')
    .select('value')
    .where('name', '=', name)
    .executeTakeFirst()
  return row?.value ?? null
}

/** Inserts a fact, or replaces its value. */
export async function saveFact(db: Kysely<Schema>, name: string, value: string): Promise<void> {
  await db
    .insertInto('facts')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}

/** Deletes a fact. Does nothing if there is none. */
export async function deleteFact(db: Kysely<Schema>, name: string): Promise<void> {
  await db.deleteFrom('facts').where('name', '=', name).execute()
}
