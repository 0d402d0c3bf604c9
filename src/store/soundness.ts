import { type Kysely, PostgresAdapter, sql } from 'kysely'
import type { Schema } from './schema'
import { sumTables } from './transfer'

/** What a whole look at a database finds. */
export interface Soundness {
  /** What is wrong; none for a sound one. */
  readonly complaints: readonly string[]
  readonly rows: number
  /** The newest time that a row has, in milliseconds since 1970 (UTC); null for none. */
  readonly newestTime: number | null
}

/**
 * Reads every row; on SQLite also every page and index, and whether each row that is named is there. Postgres sees to its
 * own indexes, and tells of a damaged page when it is read. Throws what the engine says of what cannot be read at all.
 */
export async function proveSound(db: Kysely<Schema>): Promise<Soundness> {
  const complaints = isPostgres(db) ? [] : [...(await pageComplaints(db)), ...(await orphans(db))]
  const sums = await sumTables(db, { progress: () => {} })
  return {
    complaints,
    rows: sums.reduce((sum, { rows }) => sum + rows, 0),
    newestTime: await newestTime(db),
  }
}

function isPostgres(db: Kysely<Schema>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

async function pageComplaints(db: Kysely<Schema>): Promise<readonly string[]> {
  const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check(5)`.execute(db)
  return rows.map((row) => row.integrity_check).filter((line) => line !== 'ok')
}

async function orphans(db: Kysely<Schema>): Promise<readonly string[]> {
  const { rows } = await sql<{ table: string; parent: string }>`pragma foreign_key_check`.execute(
    db,
  )
  const kinds = Map.groupBy(rows, ({ table, parent }) => `${table} without their ${parent}`)
  return [...kinds].map(
    ([kind, found]) => `${found.length === 1 ? '1 row' : `${found.length} rows`} of ${kind}`,
  )
}

async function newestTime(db: Kysely<Schema>): Promise<number | null> {
  const { rows } = await sql<{ newest: number | null }>`
    select max(time) as newest from (
      select max(update_time) as time from records
      union all select max(update_time) from notes
      union all select max(creation_time) from users
      union all select max(login_time) from users
    ) as times
  `.execute(db)
  const newest = rows[0]?.newest
  return newest === null || newest === undefined ? null : Number(newest)
}
