import { constants, copyFileSync, existsSync, linkSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { pollUntil, type Wait } from '../domain/runtime'
import { checkpointWal } from '../engine/sqlite/connection'
import { databaseInUseError, setMode } from '../files/data-folder'
import { syncFile, syncFolder } from '../files/sync'
import { copyDatabaseFile, listSideFiles, translateSqliteErrors } from './sqlite-file'
import type { SqliteLocation } from './sqlite-location'
import { tryLockSqliteDatabase } from './sqlite-lock'

/**
 * How long to wait for the lock, and how often to try, in milliseconds. A server that was stopped or killed a moment ago may
 * still hold it.
 */
const lockWait = { timeout: 10_000, interval: 100 }

/**
 * Copies the database of a stopped server to the file `copy`, which is complete and on the disk when this returns. A draft
 * that an interrupted copy left is replaced. Throws `conflict` while another process uses the database.
 */
export function backUpStoppedDatabase(
  location: SqliteLocation,
  copy: string,
  wait: Wait,
): Promise<void> {
  return withLock(location, wait, async () => {
    const draft = `${copy}.new`
    rmSync(draft, { force: true })
    await copyDatabaseFile(location.path, draft)
    renameSync(draft, copy)
    syncFolder(dirname(copy))
  })
}

/**
 * Replaces the database with the file `copy`, which is moved, and keeps the replaced file as `replacedCopy`. Called again
 * after an interruption, it finishes the work; without a file `copy`, there is nothing to do.
 *
 * The database file exists at every moment: a server would create a new one if it did not. Throws `conflict` while another
 * process uses the database.
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
      moveSideFiles(path, replacedCopy)
    }
    setMode(copy, 0o600)
    renameSync(copy, path)
    syncFolder(dirname(path))
  })
}

/** Moves the log into the database file. The log of a damaged database stays beside it. */
function checkpointIfPossible(path: string): void {
  try {
    checkpointWal(path)
  } catch {
    // `moveSideFiles` moves a log that remains.
  }
}

/** SQLite would apply a remaining log to the next file of the same name. */
function moveSideFiles(path: string, target: string): void {
  for (const side of listSideFiles(path)) {
    renameSync(side, target + side.slice(path.length))
  }
}

function linkOrCopy(path: string, target: string): void {
  try {
    linkSync(path, target)
  } catch {
    // FAT and some network file systems have no hard links.
    copyFileSync(path, target, constants.COPYFILE_EXCL)
    syncFile(target)
  }
}

function withLock(
  location: SqliteLocation,
  wait: Wait,
  work: () => void | Promise<void>,
): Promise<void> {
  const { path } = location
  return translateSqliteErrors(path, async () => {
    const lock = await pollUntil({ wait, ...lockWait }, () => tryLockSqliteDatabase(location))
    if (lock === null) throw databaseInUseError(path)
    try {
      await work()
    } finally {
      lock.release()
    }
  })
}
