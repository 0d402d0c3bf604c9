import { Database } from 'bun:sqlite'

/** Returns the version of SQLite in this executable. */
export function sqliteVersion(): string {
  using memory = new Database(':memory:')
  const row = memory.query<{ version: string }, []>('select sqlite_version() as version').get()
  return row?.version ?? 'of an unknown version'
}
