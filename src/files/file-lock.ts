import { Database } from 'bun:sqlite'
import { closeSync, constants, existsSync, openSync } from 'node:fs'
import { sqliteFault } from '../engine/sqlite/faults'

/** Held until `release` or the end of the process, however it ends: the kernel keeps it, not a pid file. */
export interface FileLock {
  release(): void
}

/**
 * Takes the exclusive lock on a file, made with mode 0600 when it is missing; null when somebody else holds it.
 *
 * Bun offers no flock. SQLite's own locking of an empty database is the same kernel lock on every platform
 * that we build for, so an exclusive transaction that is never ended serves.
 */
export function lockFile(path: string): FileLock | null {
  // Only when it is missing: closing any descriptor of a file drops the locks that this process has on it.
  if (!existsSync(path)) createEmptyFile(path)
  const database = new Database(path, { readwrite: true, create: false })
  try {
    // A journal on the disk would be of no use, and a full disk would keep a server from its start.
    database.run('pragma busy_timeout = 0; pragma journal_mode = memory; begin exclusive')
  } catch (error) {
    database.close()
    if (sqliteFault(error) === 'busy') return null
    throw error
  }
  return { release: () => database.close() }
}

/** Not what a link leads to: in a folder of somebody else's, root would make a file for them anywhere. */
function createEmptyFile(path: string): void {
  const { O_CREAT, O_EXCL, O_WRONLY } = constants
  try {
    closeSync(openSync(path, O_CREAT | O_EXCL | O_WRONLY, 0o600))
  } catch (error) {
    // Another one was quicker.
    if (!existsSync(path)) throw error
  }
}
