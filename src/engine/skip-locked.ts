import { type QueryExecutorProvider, type RawBuilder, sql } from 'kysely'
import { isPostgres } from './is-postgres'

/**
 * Returns the end of a `select` whose row is updated next: concurrent transactions then get different rows instead of
 * waiting for the same one. Empty on SQLite, which has one writer at a time and no such clause.
 */
export function skipLocked(db: QueryExecutorProvider): RawBuilder<unknown> {
  return sql.raw(isPostgres(db) ? 'for update skip locked' : '')
}
