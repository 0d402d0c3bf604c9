import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { shellQuote } from '../domain/text'
import { isAccessRefusal } from '../files/data-folder'

/**
 * Returns which command lets the user of this process read a file that the system did not let it open; null if the error is
 * another one. A settings file often belongs to root and a group of administrators, of which the user of a service is none.
 */
export function accessHint(path: string, cause: unknown): string | null {
  if (process.platform === 'win32' || !isAccessRefusal(cause)) return null
  const user = nameIn('/etc/passwd', process.geteuid?.() ?? 0)
  const group = nameIn('/etc/group', process.getegid?.() ?? 0)
  const folder = findClosedFolder(path)
  if (folder !== null) {
    return `let the user ${user} into the folder, as root: chmod o+x ${shellQuote(folder)}`
  }
  const change = `chgrp ${group} ${shellQuote(path)} && chmod g+r ${shellQuote(path)}`
  const owners = readableGroupOf(path)
  const join =
    owners === null ? '' : `; or add it to the group ${owners}: usermod -aG ${owners} ${user}`
  return `let the user ${user} read the file, as root: ${change}${join}`
}

/** Returns the uppermost folder above a path that can't be entered; null if all can. */
function findClosedFolder(path: string): string | null {
  const parent = dirname(path)
  const above = parent === path ? null : findClosedFolder(parent)
  if (above !== null) return above
  try {
    statSync(path)
    return null
  } catch (error) {
    return isAccessRefusal(error) ? parent : null
  }
}

/** Returns the name of the group that may read a file; null if it is that of root, or if there is none. */
function readableGroupOf(path: string): string | null {
  const { gid, mode } = statSync(path)
  return gid === 0 || (mode & 0o040) === 0 ? null : nameIn('/etc/group', gid)
}

/** Returns the name that belongs to a number in /etc/passwd or /etc/group, else the number: commands accept both. */
function nameIn(file: string, id: number): string {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  return lines.find((line) => line.split(':')[2] === String(id))?.split(':')[0] ?? String(id)
}
