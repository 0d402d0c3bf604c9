import { type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely'

/**
 * What ends a select of a row that is to be changed, so that two transactions at once get two rows instead of one
 * after the other the same. SQLite has one writer at a time, and no word for it.
 */
export function skipLocked<Tables>(db: Kysely<Tables>): RawBuilder<unknown> {
  const isShared = db.getExecutor().adapter instanceof PostgresAdapter
  return sql.raw(isShared ? 'for update skip locked' : '')
}
