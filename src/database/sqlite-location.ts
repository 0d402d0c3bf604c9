import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { translateFileErrors } from '../files/data-folder'

export interface SqliteLocation {
  /** Absolute path of the database file. */
  readonly path: string
  /** The file that a process locks while it works on the database. */
  readonly lockFile: string
  /** Folder for backups that are taken before the database is changed. */
  readonly databaseBackupDir: string
}

/**
 * Returns the database file at a path with its lock file: `server.lock` in the same folder for `snailpass.db`, which is the
 * name in a data folder. Links are resolved first, so that processes which use different names of one file find the same
 * lock. Throws `unavailable` for a link into a folder that this user can't search.
 */
export function resolveSqliteLocation(
  databasePath: string,
  databaseBackupDir: string,
): SqliteLocation {
  const path = translateFileErrors(databasePath, () => realPath(databasePath))
  const hasDefaultName = basename(path) === 'snailpass.db'
  const lockFile = hasDefaultName ? join(dirname(path), 'server.lock') : `${path}.lock`
  return { path, lockFile, databaseBackupDir }
}

/** Resolves the links in a path, as far as it exists. */
function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path)
  const folder = dirname(path)
  return existsSync(folder) ? join(realpathSync(folder), basename(path)) : path
}
