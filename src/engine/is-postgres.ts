import { PostgresAdapter, type QueryExecutorProvider } from 'kysely'

/** Returns whether the engine is Postgres, for the few statements that SQLite does not have. */
export function isPostgres(db: QueryExecutorProvider): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}
