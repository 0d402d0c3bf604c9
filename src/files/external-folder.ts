import { constants, mkdirSync } from 'node:fs'
import { access, lstat, readdir, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DomainError, errorMessage } from '../domain/errors'
import { listMountPoints } from './mount-points'

/**
 * Folders that settings or options name, which may be on a disk that is not mounted now. Created then, such a folder would
 * fill the disk of the system, and would be hidden once the other disk is mounted.
 *
 * Nothing here blocks the event loop: a network disk whose server is gone does not answer for minutes.
 */
export interface FolderProblem {
  /** What is wrong, as a text that follows the path. */
  readonly text: string
  readonly hint: string
  /** Whether there is nothing at the path. */
  readonly isMissing?: true
}

/** Folders below which systems mount disks, and those in which there is a folder for each user between (udisks). */
const mountRoots = ['/mnt', '/media', '/run/media']
const rootsWithUsers = ['/media', '/run/media']

/** Returns why files can't be written to a folder; null if they can. */
export async function findFolderProblem(path: string): Promise<FolderProblem | null> {
  try {
    if (!(await stat(path)).isDirectory()) return { text: 'is not a folder', hint: hints.other }
    if (await isUnmounted(path)) return unmounted(path)
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
    return null
  } catch (error) {
    if (!isMissing(error))
      return {
        text: `can't be used: ${errorMessage(error)}${isReadOnly(error) ? readOnlyNote : ''}`,
        hint: hints.access,
      }
    return (await isLink(path))
      ? { text: 'is a link to a folder that does not exist', hint: hints.other }
      : {
          text: 'does not exist',
          hint: `mount its disk, or create it: mkdir ${quote(path)}`,
          isMissing: true,
        }
  }
}

const hints = {
  other: 'mount its disk, or name another folder',
  access: 'check that its disk is mounted and that snailpass may write there',
}

function unmounted(path: string): FolderProblem {
  return {
    text: 'is empty, and no disk is mounted there',
    hint: `mount the disk; or, to use the disk of the system, create a folder in it: mkdir ${quote(`${path}/backups`)}`,
  }
}

/**
 * Creates a folder, mode 0700, if its parent exists and is not an unmounted mount point. An existing folder is not changed.
 * Returns whether it was created. Throws `unavailable`, and system errors.
 */
export async function createExternalFolder(path: string): Promise<boolean> {
  try {
    await stat(path)
    return false
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  const parent = dirname(path)
  const problem = await findParentProblem(parent)
  if (problem !== null) {
    const { text, hint } = problem
    throw new DomainError('unavailable', `${path} can't be created: ${parent} ${text}`, { hint })
  }
  // `recursive`, because another process may have created it meanwhile.
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return true
}

async function findParentProblem(parent: string): Promise<FolderProblem | null> {
  try {
    return (await isUnmounted(parent)) ? unmounted(parent) : null
  } catch (error) {
    if (!isMissing(error)) throw error
    return {
      text: 'does not exist',
      hint: `mount its disk, or create it: mkdir -p ${quote(parent)}`,
    }
  }
}

/**
 * Returns whether a folder is one of those in which disks are mounted, and none is mounted there: it is empty then. A new
 * disk is empty as well, so only the list of mounts tells the difference. Throws system errors.
 */
async function isUnmounted(path: string): Promise<boolean> {
  const real = await realpath(path)
  const parent = dirname(real)
  const isForMounts = mountRoots.includes(parent) || rootsWithUsers.includes(dirname(parent))
  if (!isForMounts) return false
  const mounts = listMountPoints()
  // A folder on a mounted disk is an ordinary one.
  if (mounts.includes(real) || (mounts.includes(parent) && !mountRoots.includes(parent)))
    return false
  return (await readdir(real)).length === 0
}

async function isLink(path: string): Promise<boolean> {
  return await lstat(path).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  )
}

/** systemd shows the service everything read-only, apart from the folders that the settings named when it was installed. */
const readOnlyNote =
  ' (a service can write there once `sudo snailpass service install` has run again)'

function isReadOnly(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EROFS'
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code))
  )
}

/** Quotes a path for a shell. */
function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}
