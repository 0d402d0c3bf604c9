import { type Kysely, sql } from 'kysely'
import { formatCount } from '../domain/text'
import { isPostgres } from '../engine/is-postgres'
import { describeDamage } from '../engine/sqlite/inspect'
import type { Schema } from '../store/schema'
import { checksumTables } from './table-copy'

/** What a check of the whole database finds. */
export interface IntegrityReport {
  /** Problems for people to read; empty if there are none. */
  readonly problems: readonly string[]
  readonly rows: number
}

/**
 * Reads every row. On SQLite, also checks every page, index and foreign key; Postgres maintains those itself, and fails when
 * a damaged page is read. Throws errors of the engine for rows that can't be read.
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
  return rows
    .map((row) => row.integrity_check)
    .filter((answer) => answer !== 'ok')
    .map(describeDamage)
}

async function listOrphans(db: Kysely<Schema>): Promise<readonly string[]> {
  const { rows } = await sql<{ table: string; parent: string }>`pragma foreign_key_check`.execute(
    db,
  )
  const kinds = Map.groupBy(rows, ({ table, parent }) => `${table} without their ${parent}`)
  return [...kinds].map(([kind, found]) => `${formatCount(found.length, 'row')} of ${kind}`)
}
