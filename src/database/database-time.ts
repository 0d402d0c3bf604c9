import { type Kysely, sql } from 'kysely'
import { isPostgres } from '../engine/is-postgres'
import type { Schema } from '../store/schema'

/** Returns the time on the machine of a Postgres server, in milliseconds since 1970 (UTC); null for a SQLite file. */
export async function findDatabaseTime(db: Kysely<Schema>): Promise<number | null> {
  if (!isPostgres(db)) return null
  const { rows } = await sql<{ now: unknown }>`
    select floor(extract(epoch from clock_timestamp()) * 1000) as now
  `.execute(db)
  return Number(rows[0]?.now)
}
