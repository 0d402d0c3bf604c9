import { type Kysely, sql } from 'kysely'
import { isPostgres } from '../engine/is-postgres'
import type { Schema } from '../store/schema'
import { checksumTables } from './table-copy'

/** What a whole look at a database finds. */
export interface IntegrityReport {
  /** What is wrong; none for a sound one. */
  readonly problems: readonly string[]
  readonly rows: number
}

/**
 * Reads every row; on SQLite also every page and index, and whether each row that is named is there. Postgres sees to its
 * own indexes, and tells of a damaged page when it is read. Throws what the engine says of what cannot be read at all.
 */
export async function checkIntegrity(db: Kysely<Schema>): Promise<IntegrityReport> {
  const problems = isPostgres(db)
    ? []
    : [...(await listPageProblems(db)), ...(await listOrphans(db))]
  const sums = await checksumTables(db, { progress: () => {} })
  return { problems, rows: sums.reduce((sum, { rows }) => sum + rows, 0) }
}

async function listPageProblems(db: Kysely<Schema>): Promise<readonly string[]> {
  const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check(5)`.execute(db)
  return rows.map((row) => row.integrity_check).filter((line) => line !== 'ok')
}

async function listOrphans(db: Kysely<Schema>): Promise<readonly string[]> {
  const { rows } = await sql<{ table: string; parent: string }>`pragma foreign_key_check`.execute(
    db,
  )
  const kinds = Map.groupBy(rows, ({ table, parent }) => `${table} without their ${parent}`)
  return [...kinds].map(
    ([kind, found]) => `${found.length === 1 ? '1 row' : `${found.length} rows`} of ${kind}`,
  )
}
