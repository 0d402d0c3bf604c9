import { closeSync, existsSync, openSync } from 'node:fs'
import { acquireFileLock, databaseInUseError, translateFileErrors } from '../files/data-folder'
import type { FileLock } from '../files/file-lock'
import { lockOpenFile } from '../files/open-file-lock'
import type { SqliteLocation } from './sqlite-location'

/**
 * The exclusive use of a database: of its lock file, which exists before the database and works on every system, and of the
 * database file itself, which another process may reach by another name.
 *
 * It must be released after SQLite's own connections are closed: closing a descriptor of a file drops the locks that this
 * process has on it.
 */
export interface SqliteLock extends FileLock {
  /** Locks the database file if it was created meanwhile. Throws `conflict` if another process has it. */
  lockCreatedFile(): void
}

/** Takes the exclusive use of a database. Throws `conflict` if another process has it, `unavailable` if a file can't be opened. */
export function lockSqliteDatabase(location: SqliteLocation): SqliteLock {
  const lock = tryLockSqliteDatabase(location)
  if (lock === null) throw databaseInUseError(location.path)
  return lock
}

/** Like `lockSqliteDatabase`, but returns null if another process has it. */
export function tryLockSqliteDatabase({ path, lockFile }: SqliteLocation): SqliteLock | null {
  const lock = openLockFile(lockFile)
  if (lock === null) return null
  let descriptor: number | null = null
  const release = () => {
    if (descriptor !== null) closeSync(descriptor)
    lock.release()
  }
  /** Returns whether nobody else has the file; also if there is none yet. */
  const lockDatabaseFile = () => {
    if (descriptor !== null || !existsSync(path)) return true
    descriptor = translateFileErrors(path, () => openSync(path, 'r+'))
    return lockOpenFile(descriptor)
  }
  try {
    if (lockDatabaseFile()) {
      return {
        release,
        lockCreatedFile() {
          if (!lockDatabaseFile()) throw databaseInUseError(path)
        },
      }
    }
  } catch (error) {
    release()
    throw error
  }
  release()
  return null
}

function openLockFile(path: string): FileLock | null {
  return translateFileErrors(path, () => acquireFileLock(path))
}
