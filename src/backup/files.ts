import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { sideFiles } from '../database/sqlite-file'
import { DomainError } from '../domain/errors'
import { type Clock, pollUntil, type Wait } from '../domain/runtime'
import {
  acquireFileLock,
  chownToFolderOwner,
  createFolder,
  translateFileErrors,
} from '../files/data-folder'
import { createExternalFolder, findFolderProblem } from '../files/external-folder'
import { type FileLock, lockFile } from '../files/file-lock'
import { removeFile, renameFile } from '../files/open-elsewhere'
import { syncFolder } from '../files/sync'
import { translateBackupErrors } from './faults'
import { codeOf, ifSupported } from './file-systems'

/** Suffix of a backup that is not complete or not verified yet. */
const partialSuffix = '.partial'

/** Suffix of the file that a process locks while it uses a draft. */
const lockSuffix = '.lock'

/** Names of the files in a backup folder that snailpass wrote. */
const backupFilePattern = /^snailpass-.*\.sqlite(?:\.age)?(?:\.partial)?$/

/** How long to wait for another backup to the same folder, and how often to try, in milliseconds. */
const lockWait = { timeout: 60_000, interval: 250 }

/** Where a backup is written to. */
export interface BackupDestination {
  readonly folder: string
  /**
   * The default folder is created with the folders above it. One that an option names is created if its parent exists, and one
   * that the settings name never is: its disk may be away.
   */
  readonly origin: 'default' | 'settings' | 'option'
  /** Null for a name with the time. */
  readonly name: string | null
}

/** Returns the destination that `--to` names: a folder if it exists or ends in a slash, else a new file. */
export function destinationAt(path: string): BackupDestination {
  const hasSlash = path.endsWith('/') || path.endsWith(sep)
  const isFolder = hasSlash || (existsSync(path) && statSync(path).isDirectory())
  return isFolder
    ? { folder: path.replace(/(?<=.)[/\\]+$/, ''), name: null, origin: 'option' }
    : { folder: dirname(path), name: basename(path), origin: 'option' }
}

/** Returns a file name with the time in seconds, and with what is about to be done: `snailpass-before-restore-TIME.sqlite`. */
export function backupFileName(
  clock: Clock,
  { before, isEncrypted }: { before: string | null; isEncrypted: boolean },
): string {
  const time = new Date(clock()).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const prefix = before === null ? '' : `before-${before}-`
  return `snailpass-${prefix}${time}.sqlite${isEncrypted ? '.age' : ''}`
}

/** Returns whether a file has a default name without an operation: it is not a backup from before a restore and the like. */
export function isDefaultBackupName(name: string): boolean {
  return /^snailpass-\d{8}T\d{6}Z(?:-\d+)?\.sqlite(?:\.age)?$/.test(name)
}

/** Returns the time in the name of a backup, in milliseconds since 1970 (UTC); null if there is none. */
export function parseBackupTime(name: string): number | null {
  const groups = /(?<date>\d{4}-?\d\d-?\d\d)T(?<hour>\d\d)(?<minute>\d\d)(?<second>\d\d)Z/.exec(
    name,
  )?.groups
  if (groups === undefined) return null
  const date = (groups['date'] ?? '').replace(/(\d{4})(\d\d)(\d\d)/, '$1-$2-$3')
  const time = Date.parse(`${date}T${groups['hour']}:${groups['minute']}:${groups['second']}Z`)
  return Number.isNaN(time) ? null : time
}

/**
 * Creates a backup file and returns its path. `write` writes and syncs the draft that it is given, which then gets its name.
 * Only one process writes to a folder at a time, so existing drafts are from killed processes; they are removed. Throws
 * `conflict` if the file exists, or if another backup to the folder takes too long.
 */
export async function createBackupFile(
  {
    destination,
    defaultName,
    wait,
  }: { destination: BackupDestination; defaultName: () => string; wait: Wait },
  write: (draft: string) => Promise<void>,
): Promise<string> {
  const { folder } = destination
  return await translateBackupErrors(folder, 'written', async () => {
    await prepareFolder(destination)
    const lock = await lockFolder(folder, wait)
    try {
      // Without locks, a draft may belong to a process that is running.
      if (lock !== null) for (const abandoned of listDrafts(folder)) removeDraft(abandoned)
      const path = join(folder, unusedName(destination, defaultName()))
      const draft = path + partialSuffix
      await withDraftRemoved(draft, async () => {
        await write(draft)
        renameFile(draft, path)
      })
      ifSupported(() => syncFolder(folder))
      return path
    } finally {
      lock?.release()
    }
  })
}

async function prepareFolder({ folder, origin }: BackupDestination): Promise<void> {
  if (origin === 'default') return createFolder(folder)
  if (origin === 'option' && (await createExternalFolder(folder)))
    ifSupported(() => chownToFolderOwner(folder))
  const problem = await findFolderProblem(folder)
  if (problem === null) return
  throw new DomainError('unavailable', `the backup folder ${folder} ${problem.text}`, {
    hint: problem.hint,
  })
}

/**
 * Runs work with the path of a new file in the data folder, for an unencrypted backup that may not be stored elsewhere. The
 * file is removed afterwards. Files of killed processes are removed before.
 */
export async function withUnencryptedDraft<T>(
  folder: string,
  work: (draft: string) => Promise<T>,
): Promise<T> {
  const { draft, lock } = translateFileErrors(`the data folder ${folder}`, () => {
    createFolder(folder)
    for (const abandoned of listLockedDrafts(folder)) removeAbandonedDraft(abandoned)
    const path = join(folder, `snailpass-${crypto.randomUUID()}.sqlite${partialSuffix}`)
    // Taken before the draft exists: a draft whose lock is free belongs to no process.
    return { draft: path, lock: acquireFileLock(path + lockSuffix) }
  })
  try {
    return await withDraftRemoved(draft, () => work(draft))
  } finally {
    releaseDraft(draft, lock)
  }
}

/** Removes a draft unless another process is using it. */
function removeAbandonedDraft(draft: string): void {
  const lock = acquireFileLock(draft + lockSuffix)
  if (lock === null) return
  removeContent(draft)
  releaseDraft(draft, lock)
}

/** Releases the lock of a removed draft, and removes the lock file: after its release, since Windows removes no open file. */
function releaseDraft(draft: string, lock: FileLock | null): void {
  lock?.release()
  try {
    removeFile(draft + lockSuffix)
  } catch {
    // On Windows, another process may have it open, in order to remove the same draft.
  }
}

/** A file in a backup folder, by its name. */
interface BackupFile {
  readonly path: string
  /** Whether it was not finished. */
  readonly isPartial: boolean
  /** Whether it is a regular file. */
  readonly isFile: boolean
}

/**
 * Returns the backups in a folder, complete or not, sorted by name; none if the folder does not exist. Throws system errors.
 */
export function listBackupFiles(folder: string): readonly BackupFile[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => backupFilePattern.test(name))
    .sort()
    .map((name) => {
      const path = join(folder, name)
      const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true
      return { path, isPartial: name.endsWith(partialSuffix), isFile }
    })
}

function listDrafts(folder: string): readonly string[] {
  return listBackupFiles(folder).flatMap(({ path, isPartial, isFile }) =>
    isPartial && isFile ? [path] : [],
  )
}

/** Returns the drafts of a folder, and those of which only the lock file is left. */
function listLockedDrafts(folder: string): readonly string[] {
  const locked = readdirSync(folder)
    .filter((name) => name.endsWith(partialSuffix + lockSuffix))
    .map((name) => join(folder, name.slice(0, -lockSuffix.length)))
    .filter((path) => backupFilePattern.test(basename(path)))
  return [...new Set([...listDrafts(folder), ...locked])]
}

/** Runs work on a draft, and removes the draft afterwards, also if the process exits during the work. */
async function withDraftRemoved<T>(draft: string, work: () => Promise<T>): Promise<T> {
  process.once('exit', removeAtExit)
  try {
    return await work()
  } finally {
    process.off('exit', removeAtExit)
    removeContent(draft)
  }

  function removeAtExit() {
    try {
      removeDraft(draft)
    } catch {
      // Windows removes no open file: the next backup does.
    }
  }
}

/** Removes a draft, the side files of SQLite and its lock file. */
function removeDraft(path: string): void {
  removeContent(path)
  removeFile(path + lockSuffix)
}

function removeContent(draft: string): void {
  for (const file of [draft, ...sideFiles(draft)]) removeFile(file)
}

/** Returns the name of a new file. A default name that is taken gets a number. Throws `conflict` for any other taken name. */
function unusedName({ folder, name }: BackupDestination, defaultName: string): string {
  if (name === null) {
    for (let number = 1; ; number++) {
      const candidate =
        number === 1 ? defaultName : defaultName.replace('.sqlite', `-${number}.sqlite`)
      if (!existsSync(join(folder, candidate))) return candidate
    }
  }
  if (!existsSync(join(folder, name))) return name
  throw new DomainError('conflict', `${join(folder, name)} already exists`, {
    hint: 'name another file, or a folder: the file name is chosen automatically then',
  })
}

/** Returns null on a file system without locks. Throws `conflict` if another process has the lock for too long. */
async function lockFolder(folder: string, wait: Wait): Promise<FileLock | null> {
  const path = join(folder, '.snailpass.lock')
  const isNew = !existsSync(path)
  try {
    const lock = await pollUntil({ wait, ...lockWait }, () => lockFile(path))
    if (lock !== null) {
      if (isNew) ifSupported(() => chownToFolderOwner(path))
      return lock
    }
  } catch (error) {
    if (codeOf(error) === 'ENOLCK') return null
    throw error
  }
  throw new DomainError('conflict', `another backup to ${folder} is running`, {
    hint: 'wait until it is complete, or use another folder with --to',
  })
}
