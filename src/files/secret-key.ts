import { existsSync, readFileSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import type { Random } from '../domain/runtime'
import { createAtomic, writeAtomic } from './atomic-file'
import { type DataFolder, describeDataFolder, translateFileErrors } from './data-folder'

/** Bytes in a key of our own making. */
const keyLength = 32

/**
 * The secret key of a folder, null when there is none. Throws `unavailable` for a file that cannot be read or
 * holds no key: another key in its place would end every session unasked.
 */
export function findSecretKey(folder: DataFolder): Uint8Array | null {
  return translateFileErrors(describeDataFolder(folder), () => {
    return existsSync(folder.secretKey) ? readKey(folder.secretKey) : null
  })
}

/** Makes a folder's first secret key, durable before it is used. Answers another one's, should that be quicker. */
export function createSecretKey(folder: DataFolder, random: Random): Uint8Array {
  return translateFileErrors(describeDataFolder(folder), () => {
    const key = generateSecretKey(random)
    return createAtomic(folder.secretKey, encodeKey(key)) ? key : readKey(folder.secretKey)
  })
}

/** A key that lies nowhere yet. */
export function generateSecretKey(random: Random): Uint8Array {
  return random(keyLength)
}

/** Puts this secret key, which `fitsFile`, in the place of whatever is there, durable before it is answered. */
export function writeSecretKey(folder: DataFolder, key: Uint8Array): Uint8Array {
  return translateFileErrors(describeDataFolder(folder), () => {
    writeAtomic(folder.secretKey, encodeKey(key))
    return key
  })
}

/** Whether a key can lie in a data folder: one that the settings name is of any length. */
export function isStorableKey(key: Uint8Array): boolean {
  return key.length === keyLength
}

function encodeKey(key: Uint8Array): string {
  return `${key.toBase64({ alphabet: 'base64url', omitPadding: true })}\n`
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
