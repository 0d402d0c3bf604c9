import { DomainError, errorMessage } from '../domain/errors'
import { engineFault } from '../engine/faults'
import { isSystemError } from '../files/data-folder'

/** Whether a backup was written or read when an error came. */
export type BackupFileAccess = 'written' | 'read'

/**
 * Runs work on a backup file. Errors of the system and of SQLite become DomainErrors with a hint; other errors pass unchanged.
 * Errors of the database that is backed up or restored must be translated within the work. Throws `storage_full` on a full
 * disk.
 */
export async function translateBackupErrors<T>(
  path: string,
  access: BackupFileAccess,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asBackupError(path, access, error)
  }
}

/** Returns what to throw for an error of work on a backup file. */
function asBackupError(path: string, access: BackupFileAccess, error: unknown): unknown {
  const fault = engineFault(error)
  const code = codeOf(error)
  if (fault === 'full' || code === 'ENOSPC' || code === 'EDQUOT') {
    return backupSpaceError(`no space left to write ${path}`, error)
  }
  if (code === 'ENOENT' && access === 'read') return missingFileError(path, error)
  if (fault === 'damaged') return damagedBackupError(path, errorMessage(error), error)
  if (fault === null && !isSystemError(error)) return error
  return new DomainError('unavailable', `${path} can't be ${access}: ${errorMessage(error)}`, {
    hint: 'check the permissions of that file and its folder, and check the disk',
    cause: error,
  })
}

/** Returns the error for a disk without enough space for a backup. */
export function backupSpaceError(message: string, cause?: unknown): DomainError {
  return new DomainError('storage_full', message, {
    hint: 'free space on that disk, or choose another location with --to or SNAILPASS_BACKUP_DIR',
    cause,
  })
}

function missingFileError(path: string, cause: unknown): DomainError {
  return new DomainError('not_found', `${path} does not exist`, {
    hint: 'list the backups with `snailpass backup list`',
    cause,
  })
}

/** Returns the error for a backup whose content is not what was written. */
export function damagedBackupError(path: string, problem: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', `${path} is damaged: ${problem}`, {
    hint: 'use another backup from `snailpass backup list`; check the disk and how this file was copied',
    cause,
  })
}

/** Returns the error for a backup that somebody without the secret key has changed. */
export function forgedBackupError(path: string): DomainError {
  return new DomainError(
    'unavailable',
    `${path} is forged: its checksums match its rows, but its signature does not`,
    {
      hint: 'use another backup, and find out who could write to this one: someone changed it after this server had signed it',
    },
  )
}

/** Returns the error for a file that is not a backup. */
export function notABackupError(path: string): DomainError {
  return new DomainError('unavailable', `${path} is not a SnailPass backup`, {
    hint: 'use a file that `snailpass backup` wrote; to restore a copy of a database file, stop the server and copy the file',
  })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null
}
