import { Database, SQLiteError } from 'bun:sqlite'
import { closeSync, constants, existsSync, openSync, statSync } from 'node:fs'
import { sqliteFault } from '../engine/sqlite/faults'
import { hasFileLocks } from './open-file-lock'

/** A lock of the kernel. It lasts until `release` or the end of the process, even if the process is killed. */
export interface FileLock {
  release(): void
}

/** The files that this process has locked, by device and number. */
const locked = new Set<string>()

/**
 * Takes the exclusive lock on a file, which is created with mode 0600 if it is missing. Returns null if another process, or
 * this one, has the lock. Throws system errors, with the code ENOLCK on a file system without locks, and SQLite errors.
 *
 * Bun has no flock. SQLite locks a database file with the same kernel lock on every platform that we build for, so this
 * opens the file as an empty database and begins an exclusive transaction that never ends.
 */
export function lockFile(path: string): FileLock | null {
  // Only if it is missing: closing any descriptor of a file drops the locks that this process has on it.
  if (!existsSync(path)) createEmptyFile(path)
  const { dev, ino } = statSync(path, { bigint: true })
  const file = `${dev}:${ino}`
  const database = new Database(path, { readwrite: true, create: false })
  try {
    // A journal in memory: nothing is written, and a full disk must not prevent a server from starting.
    database.run('pragma busy_timeout = 0; pragma journal_mode = memory; begin exclusive')
  } catch (error) {
    database.close()
    if (isLockRefused(error, () => locked.has(file) || canLock(path))) throw noLocksError(path)
    if (sqliteFault(error) === 'busy') return null
    throw error
  }
  locked.add(file)
  return {
    release() {
      locked.delete(file)
      database.close()
    },
  }
}

/** Returns whether the file system refused the lock, as opposed to a process that has it. */
function isLockRefused(error: unknown, hasLocks: () => boolean): boolean {
  if (!(error instanceof SQLiteError)) return false
  // SQLite takes ENOLCK for a lock of another process, and all other refusals for errors of the disk.
  if (sqliteFault(error) === 'busy') return !hasLocks()
  return /^SQLITE_IOERR_(?:LOCK|RDLOCK|CHECKRESERVEDLOCK)$/.test(error.code ?? '')
}

/** The caller makes sure that this process has no lock on the file: closing the descriptor would drop it. */
function canLock(path: string): boolean {
  const descriptor = openSync(path, 'r+')
  try {
    return hasFileLocks(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Returns an error like those of the system. */
function noLocksError(path: string): Error {
  return Object.assign(new Error(`ENOLCK: the file system has no file locks, fcntl '${path}'`), {
    code: 'ENOLCK',
    syscall: 'fcntl',
    path,
  })
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
