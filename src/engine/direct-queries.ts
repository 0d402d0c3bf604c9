import type { CompiledQuery, DialectAdapter } from 'kysely'

/**
 * Queries without what Kysely does around each of them: to get a connection, and to give it back. Only a handle without transactions
 * offers them, since a query would otherwise see the transaction of somebody else.
 */
export interface DirectQueries {
  /** Returns the rows of a query, at once. Throws the error of the engine. */
  execute<Row>(query: CompiledQuery<Row>, parameters: readonly unknown[]): Row[]
  /** Returns the first row; null if there is none. */
  first<Row>(query: CompiledQuery<Row>, parameters: readonly unknown[]): Row | null
}

/** By the adapter, which all that uses one database has. */
const offers = new WeakMap<DialectAdapter, DirectQueries>()

export function offerDirectQueries(adapter: DialectAdapter, queries: DirectQueries): void {
  offers.set(adapter, queries)
}

/** Returns the direct queries of a database handle, undefined if it offers none. */
export function directQueriesOf(adapter: DialectAdapter): DirectQueries | undefined {
  return offers.get(adapter)
}
