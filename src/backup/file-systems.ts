import { lstatSync, statSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import { isSystemError } from '../files/data-folder'
import { unusualFileKind } from '../files/file-kind'

/** What FAT, exFAT and network file systems answer to an operation that they don't have. */
const unsupportedCodes = new Set([
  'EACCES',
  'EBADF',
  'EINVAL',
  'ENOLCK',
  'ENOSYS',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EPERM',
])

/** Runs work that a backup is complete without, such as the change of its owner. Ignores that the file system refuses it. */
export function ifSupported(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!isUnsupported(error)) throw error
  }
}

/** Returns whether the file system refused an operation, as opposed to a disk that failed or is full. */
export function isUnsupported(error: unknown): boolean {
  return isSystemError(error) && unsupportedCodes.has(String(codeOf(error)))
}

/** Returns the code of a system error or an SQLite error; null for any other error. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null
}

/**
 * Throws `unavailable` for a path that is no regular file. Throws `not_found` for a link to a missing file, and system errors.
 */
export function requireRegularFile(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) {
    // Throws the system's error for a path that is missing altogether.
    lstatSync(path)
    throw new DomainError('not_found', `${path} is a link to a file that does not exist`, { hint })
  }
  const kind = unusualFileKind(stats)
  if (kind !== null)
    throw new DomainError('unavailable', `${path} is ${kind}, not a backup`, { hint })
}

const hint = 'name a file that `snailpass backup` wrote: list them with `snailpass backup list`'
