import { DomainError } from '../domain/errors'
import { quoteName } from '../engine/structure'

/** The columns of the original server's tables, as SQLAlchemy created them on both engines (contract). */
export const legacyColumns = {
  users: ['id', 'email', 'master_password_hash', 'hint', 'email_confirmed'],
  records: [
    'id',
    'name',
    'login',
    'password',
    'user_id',
    'is_favorite',
    'is_deleted',
    'creation_time',
    'update_time',
  ],
  notes: [
    'id',
    'name',
    'content',
    'user_id',
    'is_favorite',
    'is_deleted',
    'creation_time',
    'update_time',
  ],
  additional_fields: ['id', 'name', 'value', 'record_id'],
} as const

/** The columns of each table of a database. */
export type TableColumns = Readonly<Record<string, readonly string[]>>

/** Returns whether a database has all tables of the original server, with exactly these columns. */
export function isLegacySchema(tables: TableColumns): boolean {
  return Object.entries(legacyColumns).every(([table, columns]) => {
    const found = new Set(tables[table])
    return found.size === columns.length && columns.every((column) => found.has(column))
  })
}

/**
 * Returns a column that the original server did not create, if a database has all of its tables with all of their columns;
 * else null.
 */
function findForeignColumn(
  tables: TableColumns,
): { readonly table: string; readonly column: string } | null {
  const entries = Object.entries(legacyColumns)
  const hasAll = entries.every(([table, columns]) =>
    columns.every((column) => tables[table]?.includes(column)),
  )
  if (!hasAll) return null
  for (const [table, columns] of entries) {
    const known = new Set<string>(columns)
    const column = tables[table]?.find((found) => !known.has(found))
    if (column !== undefined) return { table, column }
  }
  return null
}

/** Throws `unavailable` if a database is one of the original server, but for a column that would be lost. */
export function requireNoForeignColumn(name: string, tables: TableColumns): void {
  const foreign = findForeignColumn(tables)
  if (foreign === null) return
  const { table, column } = foreign
  throw new DomainError(
    'unavailable',
    `${name} is a database of the original SnailPass server with a further column: ${column} of ${table}`,
    {
      hint: `it can't be migrated with that column; keep a copy, and run: alter table ${quoteName(table)} drop column ${quoteName(column)};`,
    },
  )
}
