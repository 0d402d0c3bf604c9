import type { Stats } from 'node:fs'

/**
 * Returns what a path names if that is not a regular file, with its article; null for a regular one. To open a named pipe waits
 * for another process, and a device may have no end.
 */
export function unusualFileKind(stats: Stats): string | null {
  if (stats.isFile()) return null
  if (stats.isDirectory()) return 'a folder'
  if (stats.isFIFO()) return 'a named pipe'
  if (stats.isSocket()) return 'a socket'
  return 'a device'
}
