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

/**
 * Returns the value of a fact, and locks it until the transaction ends; null if there is none. For a change that depends on it: on
 * Postgres, others that call this meanwhile wait, and then get the new value.
 */
export async function lockFact(db: Kysely<Schema>, name: string): Promise<string | null> {
  const { value } = await db
    .insertInto('facts')
    .values({ name, value: '' })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet(({ ref }) => ({ value: ref('facts.value') })),
    )
    .returning('value')
    .executeTakeFirstOrThrow()
  return value === '' ? null : value
}

/** Inserts a fact. Returns false, and changes nothing, if there is one. */
export async function claimFact(db: Kysely<Schema>, name: string, value: string): Promise<boolean> {
  const result = await db
    .insertInto('facts')
    .values({ name, value })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** Deletes a fact. Does nothing if there is none. */
export async function deleteFact(db: Kysely<Schema>, name: string): Promise<void> {
  await db.deleteFrom('facts').where('name', '=', name).execute()
}
