import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DomainError, errorMessage } from '../domain/errors'
import { type AtomicWriteOptions, replaceAtomic, writeAtomic } from '../files/atomic-file'
import { setMode } from '../files/data-folder'
import { syncFile, syncFolder } from '../files/sync'
import type { SystemUser } from './process'

/** Creates a folder that every user may read, and its missing parents. An existing folder is not changed. */
export function ensurePublicFolder(path: string): void {
  if (existsSync(path)) return
  ensurePublicFolder(dirname(path))
  mkdirSync(path)
  // The umask of the user who installs must not narrow it.
  setMode(path, 0o755)
  syncFolder(dirname(path))
}

/** Creates a folder that only its owner may read. An existing folder is not changed. */
export function ensurePrivateFolder(path: string, owner: SystemUser | null): void {
  if (existsSync(path)) return
  ensurePublicFolder(dirname(path))
  mkdirSync(path, { mode: 0o700 })
  if (owner !== null) lchownSync(path, owner.uid, owner.gid)
  syncFolder(dirname(path))
}

/**
 * Copies an executable to `path`, atomically and durably. An executable there is replaced, even while it runs. A full disk leaves
 * no part of a copy.
 */
export function installExecutable(source: string, path: string): void {
  replaceExecutable(path, (draft) => copyExecutable(source, draft))
}

/**
 * Like `installExecutable`, for a source that `installExecutable` has written: both are names of one file then. That takes no
 * space, so a full disk can't keep a version from being installed that has a copy there already. The file may be running, also
 * by the name `path`.
 */
export function linkExecutable(source: string, path: string): void {
  replaceExecutable(path, (draft) => {
    try {
      linkSync(source, draft)
    } catch {
      // Another disk, or a file system without hard links, as FAT.
      copyExecutable(source, draft)
    }
  })
}

function copyExecutable(source: string, target: string): void {
  copyFileSync(source, target, constants.COPYFILE_EXCL)
  setMode(target, 0o755)
  syncFile(target)
}

function replaceExecutable(path: string, writeDraft: (draft: string) => void): void {
  ensurePublicFolder(dirname(path))
  // One name for all attempts, so that an interrupted one leaves no more than one copy behind.
  const draft = join(dirname(path), '.snailpass.installing')
  rmSync(draft, { force: true })
  try {
    writeDraft(draft)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  replaceAtomic(draft, path)
}

/** Writes a text file for others to read, atomically and durably. Creates its folder if it is missing. */
export function writeTextFile(path: string, text: string, options: AtomicWriteOptions): void {
  ensurePublicFolder(dirname(path))
  writeAtomic(path, text, options)
}

/** Returns the text of a file, null if there is no such file. */
export function findFileText(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8') : null
}

export function haveSameContent(one: string, other: string): boolean {
  return statSync(one).size === statSync(other).size && hashFile(one) === hashFile(other)
}

function hashFile(path: string): string {
  const hash = createHash('sha256')
  const buffer = new Uint8Array(1024 * 1024)
  const descriptor = openSync(path, 'r')
  try {
    for (let length = -1; length !== 0; ) {
      length = readSync(descriptor, buffer)
      hash.update(buffer.subarray(0, length))
    }
  } finally {
    closeSync(descriptor)
  }
  return hash.digest('hex')
}

/** Runs `work` and turns an error of the file system into `unavailable`. Other errors pass unchanged. */
export async function translateInstallErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asFileError(error, 'not installed: ')
  }
}

/** Returns `unavailable`, with a message that begins with `start`, for an error of the file system; any other error unchanged. */
export function asFileError(error: unknown, start = ''): unknown {
  if (!(error instanceof Error && 'syscall' in error && 'path' in error)) return error
  if ('code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) {
    const path = String('dest' in error ? error.dest : error.path)
    return new DomainError('unavailable', `${start}no space is left in ${dirname(path)}`, {
      hint: 'free space on that disk, and run this again',
      cause: error,
    })
  }
  return new DomainError('unavailable', `${start}${errorMessage(error)}`, {
    hint: 'check permissions and free space; without root, install below a folder of your own with --prefix',
    cause: error,
  })
}
