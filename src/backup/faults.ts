import { DomainError, errorMessage } from '../domain/errors'
import { engineFault } from '../engine/faults'
import { isSystemError } from '../files/data-folder'
import { openFilesHint } from '../files/system-files'
import { codeOf } from './file-systems'

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
  // SQLite's message hides what failed.
  const detail = String(code).startsWith('SQLITE_IOERR_') ? ` (${code})` : ''
  return new DomainError(
    'unavailable',
    `${path} can't be ${access}: ${errorMessage(error)}${detail}`,
    {
      hint: hintFor(code),
      cause: error,
    },
  )
}

function hintFor(code: unknown): string {
  switch (code) {
    case 'EFBIG':
    // SQLite does not tell why it can't write; a full disk has a code of its own.
    case 'SQLITE_IOERR_WRITE':
      return 'check the disk, and whether its file system has files of this size: FAT has none from 4 GB on'
    case 'EROFS':
      return 'the disk is mounted read-only: check its switch and its file system, and mount it again'
    case 'EINVAL':
    case 'ENOLCK':
    case 'ENOSYS':
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
      return 'the file system lacks what a backup needs: use another disk with --to or SNAILPASS_BACKUP_DIR'
    default:
      return (
        openFilesHint(code) ??
        'check the permissions of that file and its folder, and check the disk'
      )
  }
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
