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
import { syncFile } from '../engine/sqlite'
import { giveToOwner } from './data-folder'

/** Puts a file, mode 0600, in the place of whatever is there, whole and durable. Throws what the system says. */
export function replaceWhole(path: string, text: string): void {
  renameSync(draftOf(path, text), path)
  syncFile(dirname(path))
}

/** Makes a file, mode 0600, whole and durable. False where there is one already, which stays. Throws what the system says. */
export function placeWhole(path: string, text: string): boolean {
  const draft = draftOf(path, text)
  try {
    putInPlace(draft, path)
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
function draftOf(path: string, text: string): string {
  const draft = `${path}.${process.pid}.new`
  rmSync(draft, { force: true })
  // Whoever owns the folder may lay a link there, which must lead nowhere.
  writeFileSync(draft, text, { mode: 0o600, flush: true, flag: 'wx' })
  giveToOwner(draft)
  return draft
}

/** Names a whole file, unless the name is taken: a rename would put it in the place of another one. */
function putInPlace(draft: string, path: string): void {
  try {
    linkSync(draft, path)
  } catch (error) {
    // Memory cards and some network folders know no second names.
    if (existsSync(path)) throw error
    copyFileSync(draft, path, constants.COPYFILE_EXCL)
    giveToOwner(path)
    syncFile(path)
  }
}
