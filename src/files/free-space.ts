import { statfsSync } from 'node:fs'

/**
 * Returns the bytes that this user can still write on the disk of `path`, or null if they are unknown. Takes about a
 * microsecond.
 */
export function freeSpace(path: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return null
  }
}
