import { type QueryExecutorProvider, type RawBuilder, sql } from 'kysely'
import { isPostgres } from './is-postgres'

/** Returns an expression for the rows of a query: a JSON array with an array of these columns for each row, as a text. */
export function jsonRows(
  db: QueryExecutorProvider,
  columns: readonly string[],
  query: RawBuilder<unknown>,
): RawBuilder<string> {
  const row = sql.join(columns.map((column) => sql.ref(column)))
  return isPostgres(db)
    ? sql`(select coalesce(json_agg(json_build_array(${row}))::text, '[]') from (${query}) as chosen)`
    : sql`(select json_group_array(json_array(${row})) from (${query}) as chosen)`
}
