import { existsSync, readFileSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import type { Random } from '../domain/runtime'
import { createAtomic, writeAtomic } from './atomic-file'
import { type DataFolder, describeDataFolder, translateFileErrors } from './data-folder'

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
 * Replaces the secret key of a folder with `key`, for which `isStorableKey` is true, and returns it once it is on the disk.
 * Throws `unavailable` if the system refuses.
 */
export function writeSecretKey(folder: DataFolder, key: Uint8Array): Uint8Array {
  return translateFileErrors(describeDataFolder(folder), () => {
    writeAtomic(folder.secretKey, encodeKey(key))
    return key
  })
}

/** Returns whether the file of a data folder can contain this key. Keys in settings have any length. */
export function isStorableKey(key: Uint8Array): boolean {
  return key.length === keyLength
}

function encodeKey(key: Uint8Array): string {
  return `${key.toBase64({ alphabet: 'base64url', omitPadding: true })}\n`
}

function readKey(path: string): Uint8Array {
  const text = readFileSync(path, 'utf8').trim()
  // Decoding skips characters that are not base64url, so check them first.
  const key = /^[\w-]*$/.test(text) ? Buffer.from(text, 'base64url') : new Uint8Array()
  if (key.length === keyLength) return key
  throw new DomainError('unavailable', `${path} does not contain a secret key`, {
    hint: 'restore the file from a copy, or create a new key with `snailpass key rotate`, which signs out everyone',
  })
}
