import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Wait } from '../domain/runtime'
import { checkpointWal, copySqliteFile, syncFile } from '../engine/sqlite/connection'
import { acquireDatabaseLock } from '../files/data-folder'
import type { FileLock } from '../files/file-lock'
import type { SqliteLocation } from './sqlite-database'
import { sideFiles, translateSqliteErrors } from './sqlite-file'

/** How long whoever was killed a moment ago may take to let go of the file, in milliseconds. */
const lockTimeout = 10_000
const lockPollInterval = 100

/**
 * Copies a database file that nobody serves to the new file `copy`, whole and on the disk. A half-made copy from
 * before is written anew. Throws `conflict` while somebody works on the database.
 */
export function backUpStoppedDatabase(
  location: SqliteLocation,
  copy: string,
  wait: Wait,
): Promise<void> {
  return withLock(location, wait, () => {
    const draft = `${copy}.new`
    rmSync(draft, { force: true })
    copySqliteFile(location.path, draft)
    renameSync(draft, copy)
    syncFile(dirname(copy))
  })
}

/**
 * Puts a copy in the place of the database, and keeps what was there under the name `aside`: nothing of it is lost.
 * Done again after an interruption it ends what was begun; without a copy there is nothing left to do. At no moment
 * is the database's name without a file, for which a server would make a new one. Throws `conflict` while somebody
 * works on the database.
 */
export function restoreCopy(
  location: SqliteLocation,
  { copy, replacedCopy }: { copy: string; replacedCopy: string },
  wait: Wait,
): Promise<void> {
  return withLock(location, wait, () => {
    if (!existsSync(copy)) return
    const { path } = location
    if (existsSync(path)) {
      checkpointIfPossible(path)
      rmSync(replacedCopy, { force: true })
      linkOrCopy(path, replacedCopy)
      // A log that has outlived its file would be replayed over the next one.
      for (const [index, side] of sideFiles(path).entries()) {
        if (existsSync(side))
          renameSync(side, sideFiles(replacedCopy)[index] ?? `${replacedCopy}-side`)
      }
    }
    chmodSync(copy, 0o600)
    renameSync(copy, path)
    syncFile(dirname(path))
  })
}

/** Moves the log into the file. One that is damaged keeps its log beside it. */
function checkpointIfPossible(path: string): void {
  try {
    checkpointWal(path)
  } catch {
    // What is there goes aside as it is.
  }
}

function linkOrCopy(path: string, target: string): void {
  try {
    linkSync(path, target)
  } catch {
    // Memory cards and some network folders know no second names.
    copyFileSync(path, target, constants.COPYFILE_EXCL)
    syncFile(target)
  }
}

function withLock(location: SqliteLocation, wait: Wait, work: () => void): Promise<void> {
  return translateSqliteErrors(location.path, async () => {
    const lock = await waitForLock(location, wait)
    try {
      work()
    } finally {
      lock.release()
    }
  })
}

async function waitForLock(location: SqliteLocation, wait: Wait): Promise<FileLock> {
  for (let waited = 0; ; waited += lockPollInterval) {
    try {
      return acquireDatabaseLock(location.lockFile, location.path)
    } catch (error) {
      if (waited >= lockTimeout) throw error
    }
    await wait(lockPollInterval)
  }
}
