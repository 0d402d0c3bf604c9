import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Returns the files below a path that this process has open, each as often as it is open. Only Linux tells them. */
export function listOpenFiles(path: string): readonly string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const target = readlinkSync(join('/proc/self/fd', descriptor))
      return target.startsWith(path) ? [target] : []
    } catch {
      // The descriptor that read the folder is closed again.
      return []
    }
  })
}
