import type { Compilable, CompiledQuery, DialectAdapter, Kysely } from 'kysely'
import { directQueriesOf } from '../engine/direct-queries'
import type { Schema } from './schema'

/** Stand for the parameters while a query is compiled. No query contains these texts as values. */
const [first, second] = ['\0first', '\0second'] as const

/**
 * Returns a query with one parameter that is compiled once per database instead of at each use: Kysely takes as long to
 * compile a small query as SQLite takes to answer it. For the queries of every request.
 */
export function prepareQuery<Row>(
  build: (db: Kysely<Schema>, parameter: string) => Compilable<Row>,
): (db: Kysely<Schema>, parameter: string) => Promise<Row[]> {
  const prepare = createCompiler((db) => build(db, first), [first])
  return (db, parameter) => prepare(db).execute(db, [parameter])
}

/** As `prepareQuery`, for a query with at most one row, which is returned; null if there is none. */
export function prepareRow<Row>(
  build: (db: Kysely<Schema>, parameter: string) => Compilable<Row>,
): (db: Kysely<Schema>, parameter: string) => Promise<Row | null> {
  const prepare = createCompiler((db) => build(db, first), [first])
  return (db, parameter) => prepare(db).first(db, [parameter])
}

/** As `prepareQuery`, with two parameters, which the query contains once each in this order. */
export function prepareQueryOfTwo<Row>(
  build: (db: Kysely<Schema>, first: string, second: string) => Compilable<Row>,
): (db: Kysely<Schema>, first: string, second: string) => Promise<Row[]> {
  const prepare = createCompiler((db) => build(db, first, second), [first, second])
  return (db, ...parameters) => prepare(db).execute(db, parameters)
}

/** A query for one database. */
interface PreparedQuery<Row> {
  execute(db: Kysely<Schema>, parameters: readonly string[]): Promise<Row[]>
  first(db: Kysely<Schema>, parameters: readonly string[]): Promise<Row | null>
}

function createCompiler<Row>(
  build: (db: Kysely<Schema>) => Compilable<Row>,
  placeholders: readonly string[],
): (db: Kysely<Schema>) => PreparedQuery<Row> {
  // All connections to one database share the adapter.
  const preparedBy = new WeakMap<DialectAdapter, PreparedQuery<Row>>()
  return (db) => {
    const { adapter } = db.getExecutor()
    let prepared = preparedBy.get(adapter)
    if (prepared === undefined) {
      const compiled = build(db).compile()
      if (!Bun.deepEquals(compiled.parameters, placeholders))
        throw new Error('a prepared query has exactly its parameters, in their order')
      prepared = bind(compiled, adapter)
      preparedBy.set(adapter, prepared)
    }
    return prepared
  }
}

function bind<Row>(compiled: CompiledQuery<Row>, adapter: DialectAdapter): PreparedQuery<Row> {
  const direct = directQueriesOf(adapter)
  if (direct !== undefined) {
    return {
      execute: async (_, parameters) => direct.execute(compiled, parameters),
      first: async (_, parameters) => direct.first(compiled, parameters),
    }
  }
  async function execute(db: Kysely<Schema>, parameters: readonly string[]): Promise<Row[]> {
    const bound: CompiledQuery<Row> = { ...compiled, parameters }
    return (await db.executeQuery(bound)).rows
  }
  return { execute, first: async (db, parameters) => (await execute(db, parameters))[0] ?? null }
}
