/**
 * Whether the last server on a database file ended cleanly. A server reads the whole file at its start. With a large one, it does
 * that beside its work if it knows that nobody has written since the last server closed the file.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { parseJson } from '../domain/untrusted'
import { removeDurably, writeAtomic } from '../files/atomic-file'
import { ifReadable, isSystemError } from '../files/data-folder'
import { listSideFiles } from './sqlite-file'

/** The size in bytes from which a file is checked beside the server: reading less takes a tenth of a second. */
export const largeFileBytes = 64 * 1024 * 1024

/**
 * Returns whether the last server has closed this file, and nobody has changed it since. Its mark is removed: it does not count
 * for the next start unless this server ends cleanly as well. The caller holds the lock. Throws system errors.
 *
 * A server that was killed leaves no mark; nor does a power cut, before which the mark was removed and the folder synced. Any
 * other program that writes, replaces or restores the file changes its number or its times, of which nobody can set the last.
 */
export function takeCleanEnd(path: string): boolean {
  const mark = markOf(path)
  const known = ifReadable(() => parseJson(readFileSync(mark, 'utf8')), null)
  if (known === null) return false
  removeDurably(mark)
  return existsSync(path) && known === stateOf(path) && listSideFiles(path).length === 0
}

/** Marks the file, which was closed just now, for the next start. Does nothing for a small one. The caller holds the lock. */
export function markCleanEnd(path: string, largeBytes: number): void {
  try {
    // The log stays while a command still reads the file, and if what lies at the path is not the file that was closed.
    if (statSync(path).size < largeBytes || listSideFiles(path).length > 0) return
    writeAtomic(markOf(path), `${JSON.stringify(stateOf(path))}\n`)
  } catch (error) {
    // The next start checks the file before it answers.
    if (!isSystemError(error)) throw error
  }
}

function markOf(path: string): string {
  return `${path}-clean`
}

function stateOf(path: string): string {
  const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
  return [ino, size, mtimeNs, ctimeNs].join(' ')
}
