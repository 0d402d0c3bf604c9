import { type Kysely, sql } from 'kysely'
import { isPostgres } from '../engine/is-postgres'
import type { Schema } from '../store/schema'

/** Returns the newest time in any row, in milliseconds since 1970 (UTC); null if there is none. */
export async function findNewestTime(db: Kysely<Schema>): Promise<number | null> {
  const { rows } = await sql<{ newest: unknown }>`
    select max(time) as newest from (
      select max(update_time) as time from records
      union all select max(update_time) from notes
      union all select max(creation_time) from users
      union all select max(login_time) from users
    ) as times
  `.execute(db)
  const newest = rows[0]?.newest ?? null
  return newest === null ? null : Number(newest)
}

/** Returns the time on the machine of a Postgres server, in milliseconds since 1970 (UTC); null for a SQLite file. */
export async function findDatabaseTime(db: Kysely<Schema>): Promise<number | null> {
  if (!isPostgres(db)) return null
  const { rows } = await sql<{ now: unknown }>`
    select floor(extract(epoch from clock_timestamp()) * 1000) as now
  `.execute(db)
  return Number(rows[0]?.now)
}
