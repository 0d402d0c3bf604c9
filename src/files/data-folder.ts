import { chmodSync, existsSync, lchownSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DomainError, errorMessage } from '../domain/errors'
import { type FileLock, lockFile } from './file-lock'

/** What a server keeps on its own machine. */
export interface DataFolder {
  readonly path: string
  /** Where archives go, unless told otherwise. */
  readonly backups: string
  /** The database, where no URL names another. */
  readonly database: string
  readonly secretKey: string
  /** Folder of the keys and certificates of HTTPS that are made here. */
  readonly tls: string
}

export function dataFolder(path: string): DataFolder {
  return {
    path,
    backups: join(path, 'backups'),
    database: join(path, 'snailpass.db'),
    secretKey: join(path, 'secret.key'),
    tls: join(path, 'tls'),
  }
}

/** Makes the folder, mode 0700, when it is missing. Throws `unavailable` when that is not possible. */
export function ensureDataFolder(folder: DataFolder): void {
  try {
    createFolder(folder.path)
  } catch (error) {
    throw unusablePathError(describeDataFolder(folder), error)
  }
}

/** Makes a folder, mode 0700, and those above it, where they are missing. Throws what the system says. */
export function createFolder(path: string): void {
  if (existsSync(path)) return
  createFolder(dirname(path))
  // Somebody else may have made it meanwhile.
  mkdirSync(path, { recursive: true, mode: 0o700 })
  chownToFolderOwner(path)
}

/**
 * Gives what root has made to the owner of the folder that it lies in: what a command run by root leaves in the folder
 * of a service must not be closed to the service. Nobody else can give anything away.
 */
export function chownToFolderOwner(path: string): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = statSync(dirname(path))
  // Not what a link of theirs leads to.
  if (uid !== 0) lchownSync(path, uid, gid)
}

/**
 * Takes the lock that whoever works on `database` holds. The kernel releases it when the process ends. Throws
 * `conflict` when it is held, `unavailable` when there can be no such file.
 */
export function acquireDatabaseLock(path: string, database: string): FileLock {
  let lock: FileLock | null
  try {
    lock = acquireFileLock(path)
  } catch (error) {
    throw unusablePathError(path, error)
  }
  if (lock === null) {
    throw new DomainError('conflict', `another snailpass is at work on ${database}`, {
      hint: 'stop that server first, or name another database with --data-dir or SNAILPASS_DATABASE_URL',
    })
  }
  return lock
}

/** As `lockFile`, with a file that belongs to whom it must. Throws what the system or SQLite says. */
export function acquireFileLock(path: string): FileLock | null {
  const isNew = !existsSync(path)
  const lock = lockFile(path)
  if (isNew) chownToFolderOwner(path)
  return lock
}

/**
 * What could be wrong with who may read the folder and these files, those that are there; our own files are
 * put right, the folder is the operator's.
 */
export function tightenPermissions(
  folder: DataFolder,
  files: readonly string[],
): readonly string[] {
  return listExposedFiles(folder, files).map(({ path, mode }) => {
    if (path === folder.path) return `others can look into ${path}: chmod ${mode} ${path}`
    if (restrictToOwner(path, mode)) return `others could open ${path}; its mode is 0${mode} now`
    return `others can open ${path}, which belongs to another user: chmod ${mode} ${path}`
  })
}

/** What others can open of the folder and these files, and the mode that would keep them out. */
export function listExposedFiles(
  folder: DataFolder,
  files: readonly string[],
): readonly { path: string; mode: string }[] {
  // Windows has no such modes.
  if (process.platform === 'win32') return []
  const all = [
    ...[folder.secretKey, ...listKeyFilePaths(folder.tls), ...files].map((path) => ({
      path,
      mode: '600',
    })),
    { path: folder.path, mode: '700' },
  ]
  return all.filter(({ path }) => existsSync(path) && isAccessibleToOthers(path))
}

/** The files of a folder that hold keys; none where there is no such folder, or it is closed to us. */
function listKeyFilePaths(path: string): readonly string[] {
  try {
    return readdirSync(path)
      .filter((name) => /\.(?:key|pem)$/.test(name))
      .sort()
      .map((name) => join(path, name))
  } catch (error) {
    if (isSystemError(error)) return []
    throw error
  }
}

/** Takes a file or folder from others. False where it belongs to somebody else, and stays as it is. */
export function restrictToOwner(path: string, mode: string): boolean {
  try {
    chmodSync(path, Number.parseInt(mode, 8))
    return true
  } catch (error) {
    if (!isSystemError(error)) throw error
    return false
  }
}

function isAccessibleToOthers(path: string): boolean {
  return (statSync(path).mode & 0o077) !== 0
}

/** How messages name a folder. */
export function describeDataFolder(folder: DataFolder): string {
  return `the data folder ${folder.path}`
}

/** Whether the system refused it: no permission, no space, no such device. Anything else is a bug. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

/** Does work on `path`. Throws `unavailable` where the system refuses; bugs stay bugs. */
export function translateFileErrors<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw asDomainErrorAt(path, error)
  }
}

/** What is to be thrown for what work on `path` threw. */
export function asDomainErrorAt(path: string, error: unknown): unknown {
  return isSystemError(error) ? unusablePathError(path, error) : error
}

/** What an operator is told when the system or the engine refuses to work on `path`, a file or a folder of ours. */
export function unusablePathError(path: string, cause: unknown): DomainError {
  return new DomainError('unavailable', `${path} can't be used: ${errorMessage(cause)}`, {
    hint: 'see that the user that runs snailpass may read and write there and that the disk has space, or name another place with --data-dir or SNAILPASS_DATABASE_URL',
    cause,
  })
}
