import { type QueryExecutorProvider, sql } from 'kysely'
import {
  type ActingObject,
  type DatabaseStructure,
  type NamedObject,
  quoteName,
} from '../structure'
import { readTableParts } from './table-parts'

/** A row of `sqlite_schema`. */
interface SchemaRow {
  readonly type: 'table' | 'index' | 'view' | 'trigger'
  readonly name: string
  readonly tbl_name: string
  readonly rootpage: number | null
  readonly sql: string | null
}

/** Reads the structure of a database around the tables `own`, whose names are in lower case. Throws SQLiteError. */
export async function readSqliteStructure(
  db: QueryExecutorProvider,
  own: ReadonlySet<string>,
): Promise<DatabaseStructure> {
  const { rows: all } = await sql<SchemaRow>`
    select type, name, tbl_name, rootpage, sql from sqlite_schema order by name
  `.execute(db)
  // These names are SQLite's own: indexes of constraints, and what ANALYZE writes.
  const rows = all.filter(({ name }) => !name.startsWith('sqlite_'))
  const isOwn = (table: string) => own.has(table.toLowerCase())
  const ownTables = rows.filter(({ type, name }) => type === 'table' && isOwn(name))
  const tables = await readTableParts(
    db,
    ownTables,
    rows.filter(({ type }) => type === 'index'),
  )
  const ownIndexes = new Set(
    [...tables.values()].flat().flatMap(({ index }) => (index === null ? [] : [index])),
  )
  const isListed = ({ type, name }: SchemaRow) =>
    type === 'index'
      ? !ownIndexes.has(name)
      : type !== 'trigger' && !(type === 'table' && isOwn(name))
  return {
    tables,
    acting: [
      ...listTriggers(rows.filter(({ tbl_name }) => isOwn(tbl_name))),
      ...(await listViews(db, all, isOwn)),
      ...(await listReferences(db, isOwn)),
    ],
    others: rows.filter(isListed).map(({ name, type }): NamedObject => ({ name, kind: type })),
    notes: rows
      .filter(({ type, tbl_name }) => type === 'trigger' && !isOwn(tbl_name))
      .map(({ name, tbl_name }) => `the trigger ${name} on ${tbl_name}`),
  }
}

function listTriggers(rows: readonly SchemaRow[]): readonly ActingObject[] {
  return rows
    .filter(({ type }) => type === 'trigger')
    .map(({ name, tbl_name }) => ({
      label: `the trigger ${name} on ${tbl_name}`,
      removal: `drop trigger ${quoteName(name)}`,
    }))
}

/** Returns the views that read our tables, directly or through other views, or that SQLite can't read. */
async function listViews(
  db: QueryExecutorProvider,
  rows: readonly SchemaRow[],
  isOwn: (table: string) => boolean,
): Promise<readonly ActingObject[]> {
  const ownPages = new Set(
    rows
      .filter(({ type, tbl_name }) => type !== 'view' && isOwn(tbl_name))
      .map((row) => row.rootpage),
  )
  const found: ActingObject[] = []
  for (const { type, name } of rows) {
    if (type !== 'view' || !(await readsPages(db, name, ownPages))) continue
    found.push({
      label: `the view ${name} over our tables`,
      removal: `drop view ${quoteName(name)}`,
    })
  }
  return found
}

/** Looks into the program that SQLite compiles for the view (https://www.sqlite.org/opcode.html); nothing is read. */
async function readsPages(
  db: QueryExecutorProvider,
  view: string,
  pages: ReadonlySet<number | null>,
): Promise<boolean> {
  try {
    const { rows } = await sql<{ opcode: string; p2: number }>`
      explain select * from ${sql.id(view)}
    `.execute(db)
    return rows.some(({ opcode, p2 }) => /^(?:Open|Reopen)/.test(opcode) && pages.has(p2))
  } catch {
    // SQLite refuses to rename any table beside such a view, so a migration would fail.
    return true
  }
}

/** Returns the foreign keys of other tables to ours: these would block or follow our deletions. */
async function listReferences(
  db: QueryExecutorProvider,
  isOwn: (table: string) => boolean,
): Promise<readonly ActingObject[]> {
  const { rows } = await sql<{ from: string; to: string }>`
    select distinct l.name as "from", f."table" as "to"
    from sqlite_schema l cross join pragma_foreign_key_list(l.name) f
    where l.type = 'table' and l.rootpage > 0
  `.execute(db)
  return rows
    .filter(({ from, to }) => !isOwn(from) && isOwn(to))
    .map(({ from, to }) => ({
      label: `the foreign key of the table ${from} to ${to}`,
      removal: `drop table ${quoteName(from)}`,
    }))
}
