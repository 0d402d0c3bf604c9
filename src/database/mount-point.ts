import { dirname } from 'node:path'
import { DomainError } from '../domain/errors'
import { listMountPoints } from '../files/mount-points'

/**
 * Throws `unavailable` if the database file itself is mounted, as by `docker run -v FILE:FILE`. SQLite's log would lie
 * outside of the mount: it would be lost with the container, and with it what was written last.
 */
export function refuseMountPoint(path: string): void {
  if (!listMountPoints().includes(path)) return
  const folder = dirname(path)
  throw new DomainError('unavailable', `the database file ${path} is a mount point of its own`, {
    hint: `its log ${path}-wal would not be in the same place: stop what uses it, move the file and its -wal into a folder, and mount that folder at ${folder}`,
  })
}
