import { type QueryExecutorProvider, type RawBuilder, sql } from 'kysely'
import { isPostgres } from './is-postgres'

/**
 * What ends a select of a row that is to be changed, so that two transactions at once get two rows instead of one
 * after the other the same. SQLite has one writer at a time, and no word for it.
 */
export function skipLocked(db: QueryExecutorProvider): RawBuilder<unknown> {
  return sql.raw(isPostgres(db) ? 'for update skip locked' : '')
}
