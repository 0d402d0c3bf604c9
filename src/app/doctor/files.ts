import { statSync } from 'node:fs'
import { listExposedFiles, restrictToOwner } from '../../files/data-folder'
import { findOtherWriters } from '../../files/folder-writers'
import { freeSpace } from '../../files/free-space'
import { backupFolderOf } from '../backup-folder'
import type { Targets } from '../targets'
import type { Finding, Outcome } from './findings'
import { findSpaceCommand } from './system-commands'

/**
 * Checks whether other users of this machine can read secret files, or write to the backup folder. With `fix`, removes their
 * access where the mode gives it to them. On Windows it only says that it checks nothing: files have no modes there, and new
 * ones have the access control list of their folder.
 */
export async function checkPermissions(targets: Targets, fix: boolean): Promise<Outcome> {
  const { folder, location } = targets
  if (process.platform === 'win32') {
    return {
      fact: `not checked on Windows: icacls "${folder.path}" prints who can read the files`,
    }
  }
  const { path: backups } = backupFolderOf(targets)
  const findWriters = () => findOtherWriters(backups, folder.path)
  const writersBefore = await findWriters()
  if (fix && writersBefore !== null)
    restrictToOwner(backups, (statSync(backups).mode & 0o755).toString(8))
  const writers = await findWriters()
  const files = location.engine === 'sqlite' ? [location.path] : []
  const before = listExposedFiles(folder, files)
  if (fix) for (const { path, mode } of before) restrictToOwner(path, mode)
  const after = fix ? listExposedFiles(folder, files) : before
  return {
    fact: describeAccess(after.length > 0, writers !== null),
    findings: [
      ...after.map(({ path, mode }) => ({
        what: `other users of this machine can read ${path}`,
        why: 'keys sign sessions and certificates, and the database contains emails, hints and password hashes',
        fix: `chmod ${mode} '${path}'`,
      })),
      ...(writers === null ? [] : [writersFinding(backups, writers)]),
    ],
    fixed: [
      ...before
        .filter(({ path }) => !after.some((other) => other.path === path))
        .map(({ path }) => path),
      ...(writersBefore !== null && writers === null ? [backups] : []),
    ].map((path) => `removed the access of other users to ${path}`),
  }
}

function describeAccess(isReadable: boolean, isWritable: boolean): string {
  if (isReadable) return 'files are readable by other users'
  return isWritable ? 'the backup folder is writable by other users' : 'file permissions OK'
}

function writersFinding(folder: string, writers: string): Finding {
  return {
    what: `other users of this machine can change the backups in ${folder}: ${writers}`,
    why: 'they could delete backups, or replace them: a restore would bring in what they wrote',
    fix: `give it to the user of the server with chown, and run chmod go-w '${folder}'; on FAT, exFAT and network disks use the mount options uid=, gid= and umask=077`,
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
