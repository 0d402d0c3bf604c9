import { type QueryExecutorProvider, sql } from 'kysely'

/** What a Postgres database contains, in the schema where we create our tables. */
export interface PostgresInspection {
  /** The first schema of the search path that exists. Null if there is none. */
  readonly schema: string | null
  /** The encoding of the database. Null for UTF8, which can store every text. */
  readonly unsupportedEncoding: string | null
  /** The tables and views of the schema with their columns. */
  readonly columns: Readonly<Record<string, readonly string[]>>
  /** Names of the migrations that have run, in the order in which they ran. */
  readonly migrations: readonly string[]
}

/** Returns what the current schema of a connection contains. */
export async function inspectPostgres(db: QueryExecutorProvider): Promise<PostgresInspection> {
  const [current] = (
    await sql<{ schema: string | null; encoding: string }>`
      select current_schema() as schema, current_setting('server_encoding') as encoding
    `.execute(db)
  ).rows
  const { rows } = await sql<{ name: string; columns: string[] }>`
    select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where n.nspname = current_schema() and c.relkind in ('r', 'p', 'v', 'm', 'f')
    group by c.relname
  `.execute(db)
  const columns = Object.fromEntries(rows.map((row) => [row.name, row.columns]))
  const done =
    'kysely_migration' in columns
      ? await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)
      : { rows: [] }
  return {
    schema: current?.schema ?? null,
    unsupportedEncoding: current?.encoding === 'UTF8' ? null : (current?.encoding ?? 'unknown'),
    columns,
    migrations: done.rows.map(({ name }) => name),
  }
}
