import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Waits until the content of a file is on the disk. Throws system errors. */
export function syncFile(path: string): void {
  // For writing too: Windows flushes no file that was opened only for reading.
  syncOpened(path, 'r+')
}

/**
 * Waits until the names in a folder are on the disk: a power cut can undo a new file, a rename or a removal until then.
 * Throws system errors.
 *
 * Does nothing on Windows, which can't do that: NTFS logs such changes itself, in their order, and a power cut can undo the
 * last ones. `doctor` and docs/install.md tell that.
 */
export function syncFolder(path: string): void {
  if (process.platform !== 'win32') syncOpened(path, 'r')
}

function syncOpened(path: string, flags: 'r' | 'r+'): void {
  const descriptor = openSync(path, flags)
  try {
    fsyncSync(descriptor)
  } catch (error) {
    throw withPath(error, path)
  } finally {
    closeSync(descriptor)
  }
}

/** Gives an error of the system the path that it lacks: a write and a sync know only an open file. Returns the error. */
export function withPath(error: unknown, path: string): unknown {
  const lacksPath = error instanceof Error && 'syscall' in error && !('path' in error)
  return lacksPath ? Object.assign(error, { path }) : error
}
