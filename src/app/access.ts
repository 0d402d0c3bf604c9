import { statSync } from 'node:fs'
import { join } from 'node:path'
import { isAccessRefusal, unusablePathError } from '../files/data-folder'

/**
 * Throws `unavailable` if the user may not enter a folder: everything in it would look as if it were missing. A folder that is
 * itself missing passes.
 */
export function requireEnterable(folder: string): void {
  try {
    statSync(join(folder, 'x'))
  } catch (error) {
    if (isAccessRefusal(error)) throw unusablePathError(folder, error)
  }
}

/** Returns whether a failure comes from a file that this user may not open, and root may. */
export function isForRoot(error: unknown): boolean {
  if (process.getuid === undefined || process.getuid() === 0) return false
  for (let cause = error; cause instanceof Error; { cause } = cause) {
    // A firewall refuses connections with the same codes, and not to a path.
    if (isAccessRefusal(cause) && 'path' in cause) return true
  }
  return false
}
