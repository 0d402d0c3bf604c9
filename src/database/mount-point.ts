import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DomainError } from '../domain/errors'
import { isSystemError } from '../files/data-folder'

/**
 * Throws `unavailable` if the database file itself is mounted, as by `docker run -v FILE:FILE`. SQLite's log would lie
 * outside of the mount: it would be lost with the container, and with it what was written last.
 */
export function refuseMountPoint(path: string): void {
  if (!readMountPoints().includes(path)) return
  const folder = dirname(path)
  throw new DomainError('unavailable', `the database file ${path} is a mount point of its own`, {
    hint: `its log ${path}-wal would not be in the same place: stop what uses it, move the file and its -wal into a folder, and mount that folder at ${folder}`,
  })
}

/** Returns the mount points that this process sees (proc_pid_mountinfo(5)); none on other systems than Linux. */
function readMountPoints(): readonly string[] {
  let text: string
  try {
    text = readFileSync('/proc/self/mountinfo', 'utf8')
  } catch (error) {
    if (isSystemError(error)) return []
    throw error
  }
  return text.split('\n').map((line) => unescapeOctal(line.split(' ')[4] ?? ''))
}

/** White space and backslashes are written as `\040`. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}
