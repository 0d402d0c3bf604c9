import { DatabaseError } from 'pg'

/** Returns an error of SQLite with a result code. Bun recognizes its errors by their name, and can't create one. */
export function sqliteError(errno: number): Error {
  return Object.assign(new Error(`SQLite error ${errno}`), { name: 'SQLiteError', errno })
}

/** Returns an error that a Postgres server sent. */
export function postgresError(code: string): Error {
  return Object.assign(new DatabaseError(`Postgres error ${code}`, 8, 'error'), {
    code,
    severity: 'ERROR',
  })
}
