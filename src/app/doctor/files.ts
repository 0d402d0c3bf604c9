import { listExposedFiles, restrictToOwner } from '../../files/data-folder'
import { freeSpace } from '../../files/free-space'
import type { Targets } from '../targets'
import type { Outcome } from './findings'
import { findSpaceCommand } from './system-commands'

/**
 * Checks whether other users of this machine can read secret files. With `fix`, removes their access. On Windows it only says
 * that it checks nothing: files have no modes there, and new ones have the access control list of their folder.
 */
export function checkPermissions({ folder, location }: Targets, fix: boolean): Outcome {
  if (process.platform === 'win32') {
    return {
      fact: `not checked on Windows: icacls "${folder.path}" prints who can read the files`,
    }
  }
  const files = location.engine === 'sqlite' ? [location.path] : []
  const before = listExposedFiles(folder, files)
  if (fix) for (const { path, mode } of before) restrictToOwner(path, mode)
  const after = fix ? listExposedFiles(folder, files) : before
  return {
    fact: after.length === 0 ? 'file permissions OK' : 'files are readable by other users',
    findings: after.map(({ path, mode }) => ({
      what: `other users of this machine can read ${path}`,
      why: 'keys sign sessions and certificates, and the database contains emails, hints and password hashes',
      fix: `chmod ${mode} '${path}'`,
    })),
    fixed: before
      .filter(({ path }) => !after.some((other) => other.path === path))
      .map(({ path }) => `removed the access of other users to ${path}`),
  }
}

/** Checks that the disk has space left for the database, or for the data folder if the database is elsewhere. */
export function checkSpace(
  { settings, folder, location }: Targets,
  measure: typeof freeSpace = freeSpace,
): Outcome {
  const path = location.engine === 'sqlite' ? location.path : folder.path
  const free = measure(path)
  if (free === null) return { fact: 'free space unknown' }
  const fact = `${Math.floor(free / 1e6)} MB are free`
  const { minFreeSpace } = settings
  if (free >= 2 * minFreeSpace) return { fact }
  const isFull = location.engine === 'sqlite' && free < minFreeSpace
  return {
    fact,
    findings: [
      {
        what: `the disk is ${isFull ? 'full' : 'nearly full'}: ${fact}`,
        why: isFull
          ? 'writes are refused (507)'
          : `below ${Math.floor(minFreeSpace / 1e6)} MB, writes are refused`,
        fix: `find out what uses the space: ${findSpaceCommand(folder.path)}`,
      },
    ],
  }
}
