/**
 * The secret key of a data folder. A command that replaces it writes the new key to a file of its own, commits the fingerprint
 * of that key to the database, and then renames the file: whenever it is killed, one of both files has the key of the database.
 */
import { existsSync, readFileSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import type { Random } from '../domain/runtime'
import { createAtomic, removeDurably, writeNewFile } from './atomic-file'
import { type DataFolder, describeDataFolder, translateFileErrors } from './data-folder'
import { renameFile } from './open-elsewhere'
import { syncFolder } from './sync'

/** Bytes in a generated key. */
const keyLength = 32

/**
 * Returns the secret key of a folder, or null if there is none. Throws `unavailable` if the file can't be read or contains no
 * key: a new key would sign out everyone.
 */
export function findSecretKey(folder: DataFolder): Uint8Array | null {
  return translateFileErrors(describeDataFolder(folder), () => {
    return existsSync(folder.secretKey) ? readKey(folder.secretKey) : null
  })
}

/**
 * Creates the first secret key of a folder and returns it once it is on the disk. Returns the existing key if another
 * process was faster. Throws `unavailable` if the system refuses.
 */
export function createSecretKey(folder: DataFolder, random: Random): Uint8Array {
  return translateFileErrors(describeDataFolder(folder), () => {
    const key = generateSecretKey(random)
    return createAtomic(folder.secretKey, encodeKey(key)) ? key : readKey(folder.secretKey)
  })
}

/** Returns a new key, which is not stored yet. */
export function generateSecretKey(random: Random): Uint8Array {
  return random(keyLength)
}

/**
 * Returns the key that is to replace the secret key, or was; null if there is none. A file with a part of a key counts as none:
 * nothing is committed before the whole key is on the disk. Throws `unavailable` if the file can't be read.
 */
export function findNewSecretKey(folder: DataFolder): Uint8Array | null {
  return translateFileErrors(describeDataFolder(folder), () => {
    const text = readIfExists(folder.newSecretKey)
    return text === null ? null : parseKey(text)
  })
}

/**
 * Writes a key, for which `isStorableKey` is true, beside the secret key of a folder. Returns once it is on the disk. Throws
 * `unavailable` if the system refuses, and leaves no such file then.
 */
export function writeNewSecretKey(folder: DataFolder, key: Uint8Array): void {
  translateFileErrors(describeDataFolder(folder), () => {
    writeNewFile(folder.newSecretKey, encodeKey(key))
    syncFolder(folder.path)
  })
}

/** Replaces the secret key of a folder with the new one. Throws `unavailable` if the system refuses. */
export function useNewSecretKey(folder: DataFolder): void {
  translateFileErrors(describeDataFolder(folder), () => {
    try {
      renameFile(folder.newSecretKey, folder.secretKey)
    } catch (error) {
      // Another server of the same folder may have been faster.
      if (existsSync(folder.newSecretKey)) throw error
    }
    syncFolder(folder.path)
  })
}

/** Removes the new key, if there is one. Throws `unavailable` if the system refuses. */
export function removeNewSecretKey(folder: DataFolder): void {
  translateFileErrors(describeDataFolder(folder), () => removeDurably(folder.newSecretKey))
}

/** Returns whether the file of a data folder can contain this key. Keys in settings have any length. */
export function isStorableKey(key: Uint8Array): boolean {
  return key.length === keyLength
}

function encodeKey(key: Uint8Array): string {
  return `${key.toBase64({ alphabet: 'base64url', omitPadding: true })}\n`
}

function readKey(path: string): Uint8Array {
  const key = parseKey(readFileSync(path, 'utf8'))
  if (key !== null) return key
  throw new DomainError('unavailable', `${path} does not contain a secret key`, {
    hint: 'restore the file from a copy, or create a new key with `snailpass key rotate`, which signs out everyone',
  })
}

function parseKey(text: string): Uint8Array | null {
  const trimmed = text.trim()
  // Decoding skips characters that are not base64url, so check them first.
  const key = /^[\w-]*$/.test(trimmed) ? Buffer.from(trimmed, 'base64url') : new Uint8Array()
  return key.length === keyLength ? key : null
}

/** Returns the text of a file, null if it is missing: another server of the folder may just have renamed it. */
function readIfExists(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (!existsSync(path)) return null
    throw error
  }
}
