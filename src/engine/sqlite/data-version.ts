import type { Database } from 'bun:sqlite'

/** Tells without a query whether a database has changed. */
export interface DataVersion {
  /**
   * Returns a number that stays the same until another connection commits a change, of this process or another one
   * (https://www.sqlite.org/pragma.html#pragma_data_version). Throws SQLiteError.
   */
  get(): number
  /** Has the next call ask SQLite. Called after each commit of this process. */
  forget(): void
}

/**
 * SQLite locks the file for each answer, which costs more than the answer. So it is asked once in a turn of the event loop, for all
 * requests that arrived together. A change that another process commits meanwhile is at the same time as these requests: they may
 * see it or not.
 */
export function createDataVersion(database: Database): DataVersion {
  const statement = database.query<{ data_version: number }, []>('pragma data_version')
  let known: number | null = null

  function ask(): number {
    const row = statement.get()
    if (row === null) throw new Error('SQLite did not tell the version of the data')
    known = row.data_version
    // Runs before the next requests are read.
    setImmediate(forget)
    return known
  }

  function forget(): void {
    known = null
  }

  return { get: () => known ?? ask(), forget }
}
