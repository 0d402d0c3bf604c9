import {
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { syncFile } from '../engine/sqlite/connection'
import { chownToFolderOwner } from './data-folder'

/** Puts a file, mode 0600, in the place of whatever is there, whole and durable. Throws what the system says. */
export function writeAtomic(path: string, text: string): void {
  renameSync(writeDraft(path, text), path)
  syncFile(dirname(path))
}

/**
 * Puts files of one folder, mode 0600, in the place of those that are there, where one is nothing without the other, and takes
 * away what was made from them. All are written whole under other names first, so that a full disk changes nothing; whoever is
 * interrupted then leaves the first file alone, and never old ones with new ones. Throws what the system says.
 */
export function writeGroupAtomic(
  files: readonly { readonly path: string; readonly text: string }[],
  derived: readonly string[] = [],
): void {
  const [first, ...others] = files
  if (first === undefined) return
  const drafts: { readonly draft: string; readonly path: string }[] = []
  try {
    for (const { path, text } of files) drafts.push({ draft: writeDraft(path, text), path })
    for (const path of [...derived, ...others.map(({ path }) => path)]) {
      rmSync(path, { force: true })
    }
    syncFile(dirname(first.path))
    for (const { draft, path } of drafts) {
      renameSync(draft, path)
      syncFile(dirname(path))
    }
  } finally {
    for (const { draft } of drafts) rmSync(draft, { force: true })
  }
}

/** Makes a file, mode 0600, whole and durable. False where there is one already, which stays. Throws what the system says. */
export function createAtomic(path: string, text: string): boolean {
  const draft = writeDraft(path, text)
  try {
    linkIntoPlace(draft, path)
  } catch (error) {
    // Somebody else has made one meanwhile.
    if (!existsSync(path)) throw error
    return false
  } finally {
    rmSync(draft, { force: true })
  }
  syncFile(dirname(path))
  return true
}

/** Written under another name first, so that a crash leaves a whole file or none. */
function writeDraft(path: string, text: string): string {
  const draft = `${path}.${process.pid}.new`
  rmSync(draft, { force: true })
  try {
    // Whoever owns the folder may lay a link there, which must lead nowhere.
    writeFileSync(draft, text, { mode: 0o600, flush: true, flag: 'wx' })
    chownToFolderOwner(draft)
  } catch (error) {
    // A full disk leaves a piece of it.
    rmSync(draft, { force: true })
    throw error
  }
  return draft
}

/** Names a whole file, unless the name is taken: a rename would put it in the place of another one. */
function linkIntoPlace(draft: string, path: string): void {
  try {
    linkSync(draft, path)
  } catch (error) {
    // Memory cards and some network folders know no second names.
    if (existsSync(path)) throw error
    copyFileSync(draft, path, constants.COPYFILE_EXCL)
    chownToFolderOwner(path)
    syncFile(path)
  }
}
