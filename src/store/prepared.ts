import {
  type Compilable,
  type CompiledQuery,
  type DialectAdapter,
  type Kysely,
  type RawBuilder,
  sql,
} from 'kysely'
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

/** What writes a statement in plain SQL: its database, and a function that writes a parameter. */
export interface SqlParts {
  readonly db: Kysely<Schema>
  readonly parameter: () => RawBuilder<unknown>
}

/** As `prepareQuery`, for a statement in plain SQL with any number of parameters. Returns the rows that it returns. */
export function prepareSql<Row>(
  build: (parts: SqlParts) => RawBuilder<Row>,
): (db: Kysely<Schema>, ...parameters: Parameters) => Promise<Row[]> {
  // Filled again each time that the statement is compiled.
  const placeholders: string[] = []
  const prepare = createCompiler((db) => {
    placeholders.length = 0
    const parameter = () => {
      const placeholder = `\0${placeholders.length}`
      placeholders.push(placeholder)
      return sql`${placeholder}`
    }
    const raw = build({ db, parameter })
    return { compile: () => raw.compile(db) }
  }, placeholders)
  return (db, ...parameters) => prepare(db).execute(db, parameters)
}

type Parameters = readonly (string | number)[]

/** A query for one database. */
interface PreparedQuery<Row> {
  execute(db: Kysely<Schema>, parameters: Parameters): Promise<Row[]>
  first(db: Kysely<Schema>, parameters: Parameters): Promise<Row | null>
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
  async function execute(db: Kysely<Schema>, parameters: Parameters): Promise<Row[]> {
    const bound: CompiledQuery<Row> = { ...compiled, parameters }
    return (await db.executeQuery(bound)).rows
  }
  return { execute, first: async (db, parameters) => (await execute(db, parameters))[0] ?? null }
}
