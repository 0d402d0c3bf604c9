import { type QueryExecutorProvider, type RawBuilder, sql } from 'kysely'

/** How an engine says what rows of the original server's tables hold, for statements that take them over. */
export interface EngineSql {
  /** Where a row lies: in insertion order, as long as none was changed. */
  readonly insertionOrder: RawBuilder<unknown>
  /** The milliseconds since 1970 of a timestamp column, cut to whole ones. */
  milliseconds(column: string): RawBuilder<unknown>
  /** The flag in a column that may be null. */
  flag(column: string): RawBuilder<unknown>
  /** These columns of a row as a JSON text. */
  json(columns: readonly string[]): RawBuilder<unknown>
  /** Keeps everybody else from these tables to the end of the transaction. */
  lockTables(db: QueryExecutorProvider, tables: readonly string[]): Promise<void>
  /** Makes the names of a table's indexes free for another table's. The table is about to go. */
  freeIndexNames(db: QueryExecutorProvider, table: string): Promise<void>
  /** Takes all rows away, from tables that come before those that they name. */
  emptyTables(db: QueryExecutorProvider, tables: readonly string[]): Promise<void>
  /** Has a table number its rows on from where copied ones ended. */
  resumeRowNumbers(db: QueryExecutorProvider, table: string): Promise<void>
}

export const sqliteSql: EngineSql = {
  insertionOrder: sql.raw('rowid'),
  // SQLAlchemy writes 2026-11-23 16:58:24.387529, the fraction always or never.
  milliseconds: (column) =>
    sql.raw(
      `cast(strftime('%s', ${column}) as integer) * 1000 + cast(substr(${column}, 21, 3) as integer)`,
    ),
  flag: (column) => sql.raw(`coalesce(${column}, 0) <> 0`),
  json: (columns) => sql.raw(`json_object(${pairs(columns)})`),
  // The transaction has the whole file.
  lockTables: () => Promise.resolve(),
  async freeIndexNames(db, table) {
    // Those that belong to a constraint have no text, and names that nobody else takes.
    const indexes = await sql<{ name: string }>`
      select name from sqlite_schema where type = 'index' and tbl_name = ${table} and sql is not null
    `.execute(db)
    for (const { name } of indexes.rows) await sql`drop index ${sql.id(name)}`.execute(db)
  },
  async emptyTables(db, tables) {
    for (const table of tables) await sql`delete from ${sql.id(table)}`.execute(db)
  },
  // SQLite goes on from the greatest number by itself.
  resumeRowNumbers: () => Promise.resolve(),
}

export const postgresSql: EngineSql = {
  insertionOrder: sql.raw('ctid'),
  // Cut first: up to Postgres 13 an epoch is a double, and the digits below would round it wrongly.
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
  // Undone like anything else, and leaves no dead rows that a vacuum would have to take away.
  async emptyTables(db, tables) {
    await sql`truncate table ${sql.join(tables.map((table) => sql.id(table)))}`.execute(db)
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
