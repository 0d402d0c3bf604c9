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
