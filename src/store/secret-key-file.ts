import {
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { DomainError } from '../domain/errors'
import type { Random } from '../domain/world'
import { syncFile } from '../engine/sqlite'
import { type DataFolder, giveToOwner, isSystemFault, nameOf, unusable } from './data-folder'

/** Bytes in a key of our own making. */
const keyLength = 32

/**
 * The secret key of a folder, null when there is none. Throws `unavailable` for a file that cannot be read or
 * holds no key: another key in its place would end every session unasked.
 */
export function findSecretKey(folder: DataFolder): Uint8Array | null {
  return explained(folder, () => {
    return existsSync(folder.secretKey) ? readKey(folder.secretKey) : null
  })
}

/** Makes a folder's first secret key, durable before it is used. Answers another one's, should that be quicker. */
export function makeSecretKey(folder: DataFolder, random: Random): Uint8Array {
  return explained(folder, () => {
    const draft = draftKey(folder, random(keyLength))
    try {
      putInPlace(draft.path, folder.secretKey)
    } catch (error) {
      // Somebody else has made one meanwhile.
      if (!existsSync(folder.secretKey)) throw error
      return readKey(folder.secretKey)
    } finally {
      rmSync(draft.path, { force: true })
    }
    syncFile(folder.path)
    return draft.key
  })
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

/** Puts a new secret key in the place of whatever is there, durable before it is answered. */
export function replaceSecretKey(folder: DataFolder, random: Random): Uint8Array {
  return putSecretKey(folder, random(keyLength))
}

/** Puts this secret key, which `fitsFile`, in the place of whatever is there, durable before it is answered. */
export function putSecretKey(folder: DataFolder, key: Uint8Array): Uint8Array {
  return explained(folder, () => {
    const draft = draftKey(folder, key)
    renameSync(draft.path, folder.secretKey)
    syncFile(folder.path)
    return draft.key
  })
}

/** Whether a key can lie in a data folder: one that the settings name is of any length. */
export function fitsFile(key: Uint8Array): boolean {
  return key.length === keyLength
}

/** Written under another name first, so that a crash leaves a whole key or none. */
function draftKey(folder: DataFolder, key: Uint8Array): { path: string; key: Uint8Array } {
  const path = `${folder.secretKey}.${process.pid}.new`
  rmSync(path, { force: true })
  writeFileSync(path, `${key.toBase64({ alphabet: 'base64url', omitPadding: true })}\n`, {
    mode: 0o600,
    flush: true,
  })
  giveToOwner(path)
  return { path, key }
}

function explained<T>(folder: DataFolder, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw isSystemFault(error) ? unusable(nameOf(folder), error) : error
  }
}

function readKey(path: string): Uint8Array {
  const text = readFileSync(path, 'utf8').trim()
  // Anything else is decoded to another length, or not at all.
  const key = /^[\w-]*$/.test(text) ? Buffer.from(text, 'base64url') : new Uint8Array()
  if (key.length === keyLength) return key
  throw new DomainError('unavailable', `${path} does not hold a secret key`, {
    hint: 'put the file back from a copy; or make a new key with `snailpass key rotate`: everybody signs in again then',
  })
}
