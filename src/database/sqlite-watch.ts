import { type BigIntStats, closeSync, fstatSync, openSync, statSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import type { Wait } from '../domain/runtime'
import { unavailableError } from '../store/retries'

/**
 * Watches that the files of an open database are still the ones at their paths. A file that was deleted, moved or replaced
 * stays open and takes every write, and is gone when the process ends.
 */
export interface DatabaseFileWatch {
  /** Throws `unavailable` while the files are lost. */
  requirePresent(): void
  /**
   * Returns once it is certain that what was committed is in the files at the paths; call it after each commit. Throws
   * `unavailable` if it is not.
   */
  confirmCommit(): Promise<void>
  /** Looks at the files, for `requirePresent`. Throws `unavailable` if they are lost. */
  look(): Promise<void>
  /** Must come after SQLite's own connections are closed: closing a descriptor drops the locks of this process on the file. */
  close(): void
}

/** How long a path must lead elsewhere before its file counts as lost, in milliseconds: some file systems renumber a file once. */
const settleTime = 1_000

/** An open file, and the numbers that its path had when it was last seen to lead to it. */
interface WatchedFile {
  readonly path: string
  readonly descriptor: number
  device: bigint
  inode: bigint
}

/** A file that its path no longer leads to. */
interface LostFile {
  readonly path: string
  readonly descriptor: number
  /** Whether no path leads to it any more. */
  readonly isDeleted: boolean
}

/**
 * Watches the database file at `path` from now on, and its write-ahead log from the first commit on. Throws system errors.
 *
 * Windows needs no watch: a file that is open can't be removed or replaced there.
 */
export function watchDatabaseFiles(path: string, wait: Wait): DatabaseFileWatch {
  const isNeeded = process.platform !== 'win32'
  const files: WatchedFile[] = isNeeded ? [openWatched(path)] : []
  let lost: DomainError | null = null
  let settling: Promise<void> | null = null

  const findLost = (): LostFile | null => {
    for (const file of files) {
      if (!isAtItsPath(file)) {
        const { path, descriptor } = file
        return { path, descriptor, isDeleted: fstatSync(descriptor).nlink === 0 }
      }
    }
    return null
  }
  const settle = async (): Promise<void> => {
    let found = findLost()
    if (found !== null && !found.isDeleted) {
      await wait(settleTime)
      found = findLost()
    }
    lost = found === null ? null : lostFileError(found)
  }
  const look = async (): Promise<void> => {
    settling ??= settle().finally(() => {
      settling = null
    })
    await settling
    if (lost !== null) throw lost
  }

  return {
    requirePresent() {
      if (lost !== null) throw unavailableError(lost)
    },
    async confirmCommit() {
      try {
        // The first commit has created the log.
        if (files.length === 1) files.push(openWatched(`${path}-wal`))
        if (lost !== null || !files.every(isAtItsPath)) await look()
      } catch (error) {
        throw unavailableError(error)
      }
    },
    look,
    close() {
      for (const { descriptor } of files) closeSync(descriptor)
    },
  }
}

function openWatched(path: string): WatchedFile {
  const descriptor = openSync(path, 'r')
  const { dev, ino } = fstatSync(descriptor, { bigint: true })
  return { path, descriptor, device: dev, inode: ino }
}

/** Whether a path still leads to the open file. Its numbers are compared, which the path of another file can't have. */
function isAtItsPath(file: WatchedFile): boolean {
  const found = statIfPossible(file.path)
  if (found === null) return false
  if (found.ino === file.inode && found.dev === file.device) return true
  const { dev, ino } = fstatSync(file.descriptor, { bigint: true })
  if (found.ino !== ino || found.dev !== dev) return false
  // The file system has given the same file other numbers.
  file.device = dev
  file.inode = ino
  return true
}

function statIfPossible(path: string): BigIntStats | null {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null
  } catch {
    // A folder of the path is missing or can't be read: what is there can't be told.
    return null
  }
}

function lostFileError({ path, descriptor, isDeleted }: LostFile): DomainError {
  const verb = isDeleted ? 'deleted or replaced' : 'moved or replaced'
  return new DomainError('unavailable', `${path} was ${verb} while snailpass uses it`, {
    hint: lostFileHint({ path, descriptor, isDeleted }),
  })
}

function lostFileHint({ path, descriptor, isDeleted }: LostFile): string {
  // `upkeep` has moved the log into the database by then.
  if (path.endsWith('-wal'))
    return 'restart snailpass; everything that it confirmed is in the database'
  if (!isDeleted) return 'move the file back, or stop snailpass before you replace its database'
  const rescue =
    process.platform === 'linux'
      ? `before you stop snailpass, save the file: cp /proc/${process.pid}/fd/${descriptor} ${path}.saved; then stop it, rename that file to ${path}`
      : 'stop snailpass, restore the newest backup with `snailpass restore`'
  return `${rescue}, and start it again`
}
