/**
 * Atomic, durable writes: a reader finds the old file or the new one, also after a power cut, and never a part of one.
 * The content is written and synced under a draft name, the draft is renamed, and the folder is synced, because a power
 * cut can undo a rename until then.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { chownToFolderOwner } from './data-folder'
import { removeFile, renameFile } from './open-elsewhere'
import { syncFile, syncFolder, withPath } from './sync'

type FileContent = string | Uint8Array

/** For the owner only: most files that are written here are secret. */
const privateMode = 0o600

export interface AtomicWriteOptions {
  /** Permissions, whatever the umask; 0600 by default. */
  readonly mode?: number
  /** By default the owner of the folder if root writes the file, and the user who writes it otherwise. */
  readonly owner?: { readonly uid: number; readonly gid: number }
}

/** Creates or replaces a file. Throws system errors, and leaves the old file then. */
export function writeAtomic(
  path: string,
  content: FileContent,
  options: AtomicWriteOptions = {},
): void {
  replaceAtomic(writeDraft(path, content, options), path)
}

/**
 * Moves a file that is written and synced over another one of the same folder. Throws system errors, and removes the
 * draft then.
 */
export function replaceAtomic(draft: string, path: string): void {
  try {
    renameFile(draft, path)
  } finally {
    removeFile(draft)
  }
  syncFolder(dirname(path))
}

/** Removes a file, if it exists. Throws system errors. */
export function removeDurably(path: string): void {
  if (!existsSync(path)) return
  removeFile(path)
  syncFolder(dirname(path))
}

/**
 * Creates a file, mode 0600. Returns false if the file exists already, and leaves it unchanged. Throws system errors.
 */
export function createAtomic(path: string, content: FileContent): boolean {
  const draft = writeDraft(path, content)
  try {
    linkIntoPlace(draft, path)
  } catch (error) {
    // Another process created it meanwhile.
    if (!existsSync(path)) throw error
    return false
  } finally {
    removeFile(draft)
  }
  syncFolder(dirname(path))
  return true
}

/** Writes and syncs a file under a name beside `path`. Returns that name. */
function writeDraft(path: string, content: FileContent, options: AtomicWriteOptions = {}): string {
  const draft = `${path}.${process.pid}.new`
  writeNewFile(draft, content, options)
  return draft
}

/**
 * Writes and syncs a file, in place of one with its name. Not atomic: a crash leaves a part of it, or nothing. The caller
 * syncs the folder. Throws system errors, and leaves no file then.
 */
export function writeNewFile(
  path: string,
  content: FileContent,
  { mode = privateMode, owner }: AtomicWriteOptions = {},
): void {
  removeFile(path)
  try {
    // `wx` never follows a link: the owner of the folder could have placed one that leads anywhere.
    const descriptor = openSync(path, 'wx', mode)
    try {
      writeFileSync(descriptor, content)
      fchmodSync(descriptor, mode)
      // Before the sync: after a crash, the service has to be able to read what root wrote.
      if (owner === undefined) chownToFolderOwner(path, descriptor)
      else fchownSync(descriptor, owner.uid, owner.gid)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    // A full disk leaves a part of the file.
    removeFile(path)
    throw withPath(error, path)
  }
}

/** Gives the draft its name if no file has that name. A rename would replace that file. */
function linkIntoPlace(draft: string, path: string): void {
  try {
    linkSync(draft, path)
  } catch {
    // FAT and some network file systems have no hard links. The copy fails as well if a file has the name.
    copyFileSync(draft, path, constants.COPYFILE_EXCL)
    chownToFolderOwner(path)
    syncFile(path)
  }
}
