import { Database } from 'bun:sqlite'
import { closeSync, constants, existsSync, openSync } from 'node:fs'
import { sqliteFault } from '../engine/sqlite/faults'

/** A lock of the kernel. It lasts until `release` or the end of the process, even if the process is killed. */
export interface FileLock {
  release(): void
}

/**
 * Takes the exclusive lock on a file, which is created with mode 0600 if it is missing. Returns null if another process has
 * the lock. Throws system errors and SQLite errors.
 *
 * Bun has no flock. SQLite locks a database file with the same kernel lock on every platform that we build for, so this
 * opens the file as an empty database and begins an exclusive transaction that never ends.
 */
export function lockFile(path: string): FileLock | null {
  // Only if it is missing: closing any descriptor of a file drops the locks that this process has on it.
  if (!existsSync(path)) createEmptyFile(path)
  const database = new Database(path, { readwrite: true, create: false })
  try {
    // A journal in memory: nothing is written, and a full disk must not prevent a server from starting.
    database.run('pragma busy_timeout = 0; pragma journal_mode = memory; begin exclusive')
  } catch (error) {
    database.close()
    if (sqliteFault(error) === 'busy') return null
    throw error
  }
  return { release: () => database.close() }
}

/** `O_EXCL` does not follow links: in another user's folder, a link could make root create a file anywhere. */
function createEmptyFile(path: string): void {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants
  try {
    closeSync(openSync(path, O_CREAT | O_EXCL | O_WRONLY, 0o600))
  } catch (error) {
    // Another process created it meanwhile.
    if (!existsSync(path)) throw error
  }
}
