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
import type { Wait } from '../domain/world'
import type { FileLock } from '../engine/file-lock'
import { checkpointFile, copySqliteFile, syncFile } from '../engine/sqlite'
import { lockPath } from './data-folder'
import type { SqlitePlace } from './sqlite-database'
import { explain, sideFiles } from './sqlite-file'

/** How long whoever was killed a moment ago may take to let go of the file, in milliseconds. */
const patience = 10_000
const pause = 100

/**
 * Copies a database file that nobody serves to the new file `copy`, whole and on the disk. A half-made copy from
 * before is written anew. Throws `conflict` while somebody works on the database.
 */
export function keepCopy(place: SqlitePlace, copy: string, wait: Wait): Promise<void> {
  return locked(place, wait, () => {
    const draft = `${copy}.new`
    rmSync(draft, { force: true })
    copySqliteFile(place.path, draft)
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
export function putBack(
  place: SqlitePlace,
  { copy, aside }: { copy: string; aside: string },
  wait: Wait,
): Promise<void> {
  return locked(place, wait, () => {
    if (!existsSync(copy)) return
    const { path } = place
    if (existsSync(path)) {
      settle(path)
      rmSync(aside, { force: true })
      secondName(path, aside)
      // A log that has outlived its file would be replayed over the next one.
      for (const [index, side] of sideFiles(path).entries()) {
        if (existsSync(side)) renameSync(side, sideFiles(aside)[index] ?? `${aside}-side`)
      }
    }
    chmodSync(copy, 0o600)
    renameSync(copy, path)
    syncFile(dirname(path))
  })
}

/** Moves the log into the file. One that is damaged keeps its log beside it. */
function settle(path: string): void {
  try {
    checkpointFile(path)
  } catch {
    // What is there goes aside as it is.
  }
}

function secondName(path: string, second: string): void {
  try {
    linkSync(path, second)
  } catch {
    // Memory cards and some network folders know no second names.
    copyFileSync(path, second, constants.COPYFILE_EXCL)
    syncFile(second)
  }
}

function locked(place: SqlitePlace, wait: Wait, work: () => void): Promise<void> {
  return explain(place.path, async () => {
    const lock = await lockInTime(place, wait)
    try {
      work()
    } finally {
      lock.release()
    }
  })
}

async function lockInTime(place: SqlitePlace, wait: Wait): Promise<FileLock> {
  for (let waited = 0; ; waited += pause) {
    try {
      return lockPath(place.lock, place.path)
    } catch (error) {
      if (waited >= patience) throw error
    }
    await wait(pause)
  }
}
