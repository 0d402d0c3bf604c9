import { PostgresAdapter, type QueryExecutorProvider } from 'kysely'

/** Which engine answers, for the few statements that are not the same on both. */
export function isPostgres(db: QueryExecutorProvider): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}
