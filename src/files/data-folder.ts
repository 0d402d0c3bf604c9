/**
 * `src/files` manages the files of a server on its own machine: the data folder with its permissions and locks, key files,
 * atomic writes and free space. This file has the data folder, and turns errors of the operating system into DomainErrors.
 */
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  lchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DomainError, errorMessage } from '../domain/errors'
import { sqliteFault } from '../engine/sqlite/faults'
import { type FileLock, lockFile } from './file-lock'
import { markHttpsDefault } from './https-by-default'
import { syncFolder } from './sync'
import { openFilesHint } from './system-files'

/** Absolute paths of what a data folder contains. */
export interface DataFolder {
  readonly path: string
  /** Default folder for backups. */
  readonly backups: string
  /** Default database. */
  readonly database: string
  readonly secretKey: string
  /** The key that replaces the secret key once the database belongs to it. Exists only during that. */
  readonly newSecretKey: string
  /** Folder for the keys and certificates that the server creates or orders. */
  readonly tls: string
  /** What a running server tells commands. */
  readonly server: string
}

export function dataFolder(path: string): DataFolder {
  return {
    path,
    backups: join(path, 'backups'),
    database: join(path, 'snailpass.db'),
    secretKey: join(path, 'secret.key'),
    newSecretKey: join(path, 'secret.key.new'),
    tls: join(path, 'tls'),
    server: join(path, 'server.json'),
  }
}

/**
 * Creates the folder, mode 0700, if it is missing. Marks a new one for HTTPS by default, unless the operator chooses the
 * listeners. Throws `unavailable` if the folder can't be created.
 */
export function ensureDataFolder(folder: DataFolder, { hasOwnListeners = false } = {}): void {
  translateFileErrors(describeDataFolder(folder), () => {
    createFolder(folder.path)
    const marker = hasOwnListeners ? null : markHttpsDefault(folder.path)
    if (marker !== null) chownToFolderOwner(marker)
  })
}

/**
 * Creates a folder, mode 0700, and the folders above it, if they are missing. Once it returns, a power cut can't undo them, with
 * what is written there later. Throws system errors.
 */
export function createFolder(path: string): void {
  if (existsSync(path)) return
  const parent = dirname(path)
  createFolder(parent)
  // `recursive`, because another process may have created it meanwhile.
  mkdirSync(path, { recursive: true, mode: 0o700 })
  chownToFolderOwner(path)
  syncFolder(parent)
}

/**
 * Gives a file that root created to the owner of its folder: a service must be able to read what a command run by root
 * leaves in the service's data folder. Does nothing for other users, who can't give files away. `descriptor` is that of the
 * file, if it is open. Throws system errors.
 */
export function chownToFolderOwner(path: string, descriptor: number | null = null): void {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = statSync(dirname(path))
  if (uid === 0) return
  // Neither follows links: the owner of the folder could have placed one to a file of root.
  if (descriptor === null) lchownSync(path, uid, gid)
  else fchownSync(descriptor, uid, gid)
}

/** Returns the error for a database that another process has locked. */
export function databaseInUseError(database: string): DomainError {
  return new DomainError('conflict', `${database} is in use by another snailpass process`, {
    hint: 'stop all snailpass processes that use it, or choose another database with --data-dir or SNAILPASS_DATABASE_URL',
  })
}

/**
 * Like `lockFile`, but a new lock file belongs to the owner of its folder. Throws system errors, with the code ENOLCK on a
 * file system without locks, and `unavailable` for an error of SQLite.
 */
export function acquireFileLock(path: string): FileLock | null {
  const isNew = !existsSync(path)
  try {
    const lock = lockFile(path)
    if (isNew) chownToFolderOwner(path)
    return lock
  } catch (error) {
    throw sqliteFault(error) === null ? error : unusablePathError(path, error)
  }
}

/**
 * Removes the access of other users of the machine to the secret key, the keys of certificates and `files`. The mode of the
 * folder is left to the operator. Returns a warning for each path that was accessible. Throws system errors.
 */
export function tightenPermissions(
  folder: DataFolder,
  files: readonly string[],
): readonly string[] {
  return listExposedFiles(folder, files).map(({ path, mode }) => {
    if (path === folder.path) {
      return `${describeDataFolder(folder)} is readable by other users: run chmod ${mode} ${path}`
    }
    if (restrictToOwner(path, mode)) {
      return `${path} was readable by other users; its mode is 0${mode} now`
    }
    return `${path} is readable by other users and its mode can't be changed: run chmod ${mode} ${path} as its owner`
  })
}

/**
 * Returns what other users of the machine can open of the folder, its keys and `files`, each with the mode (octal digits)
 * that prevents it.
 */
export function listExposedFiles(
  folder: DataFolder,
  files: readonly string[],
): readonly { path: string; mode: string }[] {
  // Windows has no such modes.
  if (process.platform === 'win32') return []
  const all = [
    ...[folder.secretKey, folder.newSecretKey, ...listKeyFilePaths(folder.tls), ...files].map(
      (path) => ({
        path,
        mode: '600',
      }),
    ),
    { path: folder.path, mode: '700' },
  ]
  return all.filter(({ path }) => existsSync(path) && isAccessibleToOthers(path))
}

/** Returns the files that contain keys, also those of an interrupted replacement; none if the folder can't be read. */
function listKeyFilePaths(path: string): readonly string[] {
  try {
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(?:key|pem)$/.test(name))
      .sort()
      .map((name) => join(path, name))
  } catch (error) {
    if (isSystemError(error)) return []
    throw error
  }
}

/**
 * Sets the mode (octal digits) of a file or folder. Returns false if the system refuses, as for another user's file, and for a
 * link, which could lead anywhere.
 */
export function restrictToOwner(path: string, mode: string): boolean {
  try {
    setMode(path, Number.parseInt(mode, 8))
    return true
  } catch (error) {
    if (!isSystemError(error)) throw error
    return false
  }
}

/** Sets the mode of a file or folder. Throws system errors, and ELOOP for a link. */
export function setMode(path: string, mode: number): void {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  // Opening a pipe would wait for its other end. Windows has neither of them.
  const descriptor = openSync(path, O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0))
  try {
    fchmodSync(descriptor, mode)
  } finally {
    closeSync(descriptor)
  }
}

function isAccessibleToOthers(path: string): boolean {
  return (statSync(path).mode & 0o077) !== 0
}

/** Returns how messages name a data folder. */
export function describeDataFolder(folder: DataFolder): string {
  return `the data folder ${folder.path}`
}

/** Returns whether the operating system reported this error: no permission, no space, no such device. Others are bugs. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

/** Returns whether an error says that this user has no access. */
export function isAccessRefusal(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && ['EACCES', 'EPERM'].includes(String(error.code))
  )
}

/** Returns what `read` returns, or `otherwise` if the system can't read that. */
export function ifReadable<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch (error) {
    if (isSystemError(error)) return otherwise
    throw error
  }
}

/** Returns what `work` on `path` returns. Throws `unavailable` for a system error; other errors pass unchanged. */
export function translateFileErrors<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw asDomainErrorAt(path, error)
  }
}

/** Returns what to throw for an error of work on `path`: `unavailable` for a system error, else the error itself. */
export function asDomainErrorAt(path: string, error: unknown): unknown {
  return isSystemError(error) ? unusablePathError(path, error) : error
}

/** Returns the error for a file or folder that the system or SQLite can't read or write. */
export function unusablePathError(path: string, cause: unknown): DomainError {
  return new DomainError('unavailable', `${path} can't be used: ${errorMessage(cause)}`, {
    hint: hintFor(cause),
    cause,
  })
}

const accessHint =
  'check that snailpass may read and write there and that the disk has space, or choose another location with --data-dir or SNAILPASS_DATABASE_URL'

function hintFor(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null
  switch (code) {
    case 'ENOLCK':
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
    case 'ENOSYS':
      return 'this file system lacks what a database needs: choose a location on a disk of this machine with --data-dir or SNAILPASS_DATABASE_URL'
    default:
      return openFilesHint(code) ?? accessHint
  }
}
