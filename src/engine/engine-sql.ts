import { type QueryExecutorProvider, type RawBuilder, sql } from 'kysely'

/**
 * The few statements and expressions that SQLite and Postgres write differently. Adoption and copying need them; all
 * other queries are the same on both engines, or differ in their type alone (`ColumnTypes`).
 */
export interface EngineSql {
  /** The physical position of a row: the insertion order of a table whose rows were never updated. */
  readonly insertionOrder: RawBuilder<unknown>
  /** A timestamp column of the original server as milliseconds since 1970 (UTC), rounded down. */
  milliseconds(column: string): RawBuilder<unknown>
  /** A boolean column of the original server; null counts as false. */
  flag(column: string): RawBuilder<unknown>
  /** These columns of a row as a JSON object in text form. */
  json(columns: readonly string[]): RawBuilder<unknown>
  /** Locks these tables against all other connections until the transaction ends. */
  lockTables(db: QueryExecutorProvider, tables: readonly string[]): Promise<void>
  /** Drops or renames the indexes of a table that is about to be dropped, so that a new table can use their names. */
  freeIndexNames(db: QueryExecutorProvider, table: string): Promise<void>
  /** Continues the numbering of a table (column `seq`) after rows that were copied with their numbers. */
  resumeRowNumbers(db: QueryExecutorProvider, table: string): Promise<void>
}

export const sqliteSql: EngineSql = {
  insertionOrder: sql.raw('rowid'),
  // SQLAlchemy writes 2026-11-23 16:58:24.387529, or leaves the fraction out.
  milliseconds: (column) =>
    sql.raw(
      `cast(strftime('%s', ${column}) as integer) * 1000 + cast(substr(${column}, 21, 3) as integer)`,
    ),
  flag: (column) => sql.raw(`coalesce(${column}, 0) <> 0`),
  json: (columns) => sql.raw(`json_object(${pairs(columns)})`),
  // The write transaction already locks the whole file.
  lockTables: () => Promise.resolve(),
  async freeIndexNames(db, table) {
    // An index of a constraint has no SQL text and can't be dropped; its name is reserved, so it is never in the way.
    const indexes = await sql<{ name: string }>`
      select name from sqlite_schema where type = 'index' and tbl_name = ${table} and sql is not null
    `.execute(db)
    for (const { name } of indexes.rows) await sql`drop index ${sql.id(name)}`.execute(db)
  },
  // SQLite continues after the greatest number automatically.
  resumeRowNumbers: () => Promise.resolve(),
}

export const postgresSql: EngineSql = {
  insertionOrder: sql.raw('ctid'),
  // Truncated first: up to Postgres 13 an epoch is a double, and digits below a millisecond could round it up.
  milliseconds: (column) =>
    sql.raw(`round(extract(epoch from date_trunc('milliseconds', ${column})) * 1000)::bigint`),
  flag: (column) => sql.raw(`coalesce(${column}, false)`),
  json: (columns) => sql.raw(`json_build_object(${pairs(columns)})::text`),
  async lockTables(db, tables) {
    const names = sql.join(tables.map((table) => sql.id(table)))
    await sql`lock table ${names} in access exclusive mode`.execute(db)
  },
  async freeIndexNames(db, table) {
    const indexes = await sql<{ name: string }>`
      select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid = ${table}::regclass
    `.execute(db)
    for (const { name } of indexes.rows) {
      await sql`alter index ${sql.id(name)} rename to ${sql.id(`original_${name}`)}`.execute(db)
    }
  },
  async resumeRowNumbers(db, table) {
    await sql`
      select setval(pg_get_serial_sequence(${table}, 'seq'), coalesce(max(seq), 0) + 1, false) from ${sql.id(table)}
    `.execute(db)
  },
}

function pairs(columns: readonly string[]): string {
  return columns.map((column) => `'${column}', ${column}`).join(', ')
}
