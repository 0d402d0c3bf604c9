import { statSync } from 'node:fs'
import type { SqliteWriter } from '../engine/sqlite/connection'
import type { DatabaseFileWatch } from './sqlite-watch'

/** After how many looks without a change of the log the database counts as idle. */
const idleLooks = 3

/**
 * Returns the work for an open database that is due every second. It looks whether the database's files are lost, and throws
 * `unavailable` then. When nothing was written for some seconds, it moves the write-ahead log into the database file: a plain
 * copy of the file of an idle server is then complete.
 */
export function createUpkeep(
  path: string,
  { writer, watch }: { writer: SqliteWriter; watch: DatabaseFileWatch },
): () => Promise<void> {
  let looks = 0
  let lastState = ''

  const checkpointIfIdle = () => {
    const log = statSync(`${path}-wal`, { throwIfNoEntry: false })
    if (log === undefined || log.size === 0) return
    // Also of what commands wrote while the server runs.
    const state = `${log.size} ${log.mtimeMs}`
    looks = state === lastState ? looks + 1 : 0
    lastState = state
    if (looks < idleLooks) return
    looks = 0
    writer.checkpoint()
  }

  return async () => {
    try {
      await watch.look()
    } catch (error) {
      // The operator may save the deleted file: all that was confirmed must be in it.
      checkpointIfPossible(writer)
      throw error
    }
    checkpointIfIdle()
  }
}

function checkpointIfPossible(writer: SqliteWriter): void {
  try {
    writer.checkpoint()
  } catch {
    // The loss is what has to be told.
  }
}
