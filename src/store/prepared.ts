import type { Compilable, CompiledQuery, DialectAdapter, Kysely } from 'kysely'
import type { Schema } from './schema'

/**
 * Returns a query with one parameter that is compiled once per database instead of at each use: Kysely takes as long to
 * compile a small query as SQLite takes to answer it. For the queries of every request.
 */
export function prepareQuery<Row>(
  build: (db: Kysely<Schema>, parameter: string) => Compilable<Row>,
): (db: Kysely<Schema>, parameter: string) => Promise<Row[]> {
  // All connections to one database share the adapter.
  const compiledBy = new WeakMap<DialectAdapter, CompiledQuery<Row>>()

  return async (db, parameter) => {
    const { adapter } = db.getExecutor()
    let compiled = compiledBy.get(adapter)
    if (compiled === undefined) {
      compiled = build(db, parameter).compile()
      if (compiled.parameters.length !== 1) throw new Error('a prepared query has one parameter')
      compiledBy.set(adapter, compiled)
    }
    const bound: CompiledQuery<Row> = { ...compiled, parameters: [parameter] }
    const { rows } = await db.executeQuery(bound)
    return rows
  }
}
