import { type Kysely, sql } from 'kysely'
import type { Schema } from '../store/schema'
import { tables } from '../store/tables'
import type { ExclusiveDatabase } from './database'

/** Every table that the migrations create, in an order in which they can be dropped. */
export const ownTables: readonly string[] = [
  ...tables.map((table) => table.name).toReversed(),
  'facts',
  'kysely_migration',
  'kysely_migration_lock',
]

/** Drops our tables with their indexes. */
export async function dropOwnTables(db: Kysely<Schema>): Promise<void> {
  for (const table of ownTables) await sql`drop table ${sql.table(table)}`.execute(db)
}

/** Creates our tables again, empty but for `facts`. Within `transaction`, this is a part of it. Throws like its two steps. */
export async function renewTables(database: ExclusiveDatabase): Promise<void> {
  const { db } = database
  const facts = await db.selectFrom('facts').selectAll().execute()
  await database.deleteAllData()
  await database.migrate()
  if (facts.length > 0) await db.insertInto('facts').values(facts).execute()
}
