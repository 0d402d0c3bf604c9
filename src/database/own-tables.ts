import { type Kysely, sql } from 'kysely'
import type { Schema } from '../store/schema'
import { tables } from '../store/tables'

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
