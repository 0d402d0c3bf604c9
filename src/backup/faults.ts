import { DomainError, errorMessage } from '../domain/errors'
import { engineFault } from '../engine/faults'
import { isSystemError } from '../files/data-folder'

/** The work on an archive that was under way when a fault came. */
export type BackupFileAccess = 'written' | 'read'

/**
 * Faults of the file system and of SQLite in work on an archive become refusals that say what to do; those of other
 * databases are told where they are met, and bugs stay bugs. Throws `storage_full` on a full disk.
 */
export async function translateBackupErrors<T>(
  path: string,
  access: BackupFileAccess,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const fault = engineFault(error)
    if (fault === 'full' || codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT') {
      throw new DomainError('storage_full', `no space is left for ${path}`, {
        hint: 'make space on that disk, or name another place with --to or SNAILPASS_BACKUP_DIR',
        cause: error,
      })
    }
    if (codeOf(error) === 'ENOENT' && access === 'read') throw noSuchFile(path)
    if (fault === 'damaged') throw damagedBackupError(path, errorMessage(error), error)
    if (fault === null && !isSystemError(error)) throw error
    throw new DomainError('unavailable', `${path} can't be ${access}: ${errorMessage(error)}`, {
      hint: 'see that the user that runs snailpass may use that file and its folder, and look after the disk',
      cause: error,
    })
  }
}

function noSuchFile(path: string): DomainError {
  return new DomainError('not_found', `there is no file ${path}`, {
    hint: 'see what archives there are with `snailpass backup list`',
  })
}

/** What an operator is told of an archive that is not what was written. */
export function damagedBackupError(path: string, what: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', `${path} is damaged: ${what}`, {
    hint: 'take another archive: see them with `snailpass backup list`; and look after the disk or the way that this one came',
    cause,
  })
}

/** What an operator is told of a file that is something else. */
export function notABackupError(path: string): DomainError {
  return new DomainError('unavailable', `${path} is not an archive of SnailPass`, {
    hint: 'name a file that `snailpass backup` has made; a copy of a database is put back as a file, with the server stopped',
  })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null
}
