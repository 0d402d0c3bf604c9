import type { Wait } from '../domain/runtime'
import {
  openReader,
  openSingleReader,
  openWriter,
  type SqliteHandle,
  type SqliteWriter,
} from '../engine/sqlite/connection'
import { createStore, type OpenedStore } from '../store/store'
import type { DatabaseTarget, ServerOpenOptions } from './database'
import { watchFreeSpace } from './space-watch'
import { markCleanEnd } from './sqlite-clean-end'
import type { SqliteLocation } from './sqlite-location'
import type { SqliteLock } from './sqlite-lock'
import { createUpkeep } from './sqlite-upkeep'
import { type DatabaseFileWatch, watchDatabaseFiles } from './sqlite-watch'

interface StoreOptions extends Pick<ServerOpenOptions, 'freeSpaceLimit' | 'onWriteChange'> {
  /** Released when the store is closed. */
  readonly lock?: SqliteLock
  /** Returns from which size in bytes the file is marked as closed cleanly (see sqlite-clean-end); null for never. */
  readonly markCleanEndFrom?: () => number | null
}

/** Opens the store of a database file, and returns it with its upkeep (see `OpenedDatabase`). Throws SQLiteError. */
export function openFileStore(
  { location, timing }: DatabaseTarget<SqliteLocation>,
  { lock, markCleanEndFrom, freeSpaceLimit, onWriteChange }: StoreOptions = {},
): { store: OpenedStore; upkeep: () => Promise<void> } {
  const { path } = location
  const { reader, single, writer, watch } = openHandles(path, timing.wait)
  const handles = {
    reader: reader.dialect,
    single: single.dialect,
    isInProcess: true,
    writer: writer.dialect,
    dataVersion: single.dataVersion,
    requirePresent: watch.requirePresent,
    confirmCommit: watch.confirmCommit,
    ...(onWriteChange !== undefined && { onWriteChange }),
    ...(freeSpaceLimit !== undefined && {
      isShortOfSpace: watchFreeSpace(path, freeSpaceLimit, timing),
    }),
    async close() {
      // The writer last: it moves the log into the file if no other process has the file open.
      reader.close()
      single.close()
      writer.close()
      watch.close()
      const largeBytes = markCleanEndFrom?.() ?? null
      if (largeBytes !== null) markCleanEnd(path, largeBytes)
      lock?.release()
    },
  }
  return { store: createStore(handles, timing), upkeep: createUpkeep(path, { writer, watch }) }
}

/** Opens the handles of a store. If one can't be opened, none stays open. */
function openHandles(
  path: string,
  wait: Wait,
): {
  reader: SqliteHandle
  single: ReturnType<typeof openSingleReader>
  writer: SqliteWriter
  watch: DatabaseFileWatch
} {
  using stack = new DisposableStack()
  // First, so that SQLite can't have opened a file that was replaced before it is watched; it is closed last.
  const watch = watchDatabaseFiles(path, wait)
  stack.defer(watch.close)
  const reader = openReader(path)
  stack.defer(reader.close)
  const single = openSingleReader(path)
  stack.defer(single.close)
  const writer = openWriter(path, 'serving')
  stack.move()
  return { reader, single, writer, watch }
}
