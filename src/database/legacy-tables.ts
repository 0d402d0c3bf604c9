/** The columns of the original server's tables, as SQLAlchemy made them on either engine (contract). */
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

/** The names of a database's tables, each with its columns. */
export type TableColumns = Readonly<Record<string, readonly string[]>>

/** Whether a database has all of the original server's tables, with those columns and no other. */
export function isLegacySchema(tables: TableColumns): boolean {
  return Object.entries(legacyColumns).every(([table, columns]) => {
    const there = new Set(tables[table])
    return there.size === columns.length && columns.every((column) => there.has(column))
  })
}
