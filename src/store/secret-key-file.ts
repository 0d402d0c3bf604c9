import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import type { Random } from '../domain/world'
import { syncFile } from '../engine/sqlite'
import { type DataFolder, isSystemFault, nameOf, unusable } from './data-folder'

/** Bytes in a key of our own making. */
const keyLength = 32

/**
 * The secret key of a folder that the caller has locked, made at the first call and durable before it is
 * used; `made` says which. Throws `unavailable` for a file that cannot be read or holds no key: another key
 * in its place would end every session unasked.
 */
export function secretKeyOf(
  folder: DataFolder,
  random: Random,
): { key: Uint8Array; made: boolean } {
  try {
    if (existsSync(folder.secretKey)) return { key: readKey(folder.secretKey), made: false }
    return { key: makeKey(folder, random), made: true }
  } catch (error) {
    throw isSystemFault(error) ? unusable(nameOf(folder), error) : error
  }
}

function makeKey(folder: DataFolder, random: Random): Uint8Array {
  const key = random(keyLength)
  // Written under another name first, so that a crash leaves a whole key or none.
  const draft = `${folder.secretKey}.new`
  rmSync(draft, { force: true })
  writeFileSync(draft, `${key.toBase64({ alphabet: 'base64url', omitPadding: true })}\n`, {
    mode: 0o600,
    flush: true,
  })
  // The folder is locked, so nobody else makes one meanwhile.
  renameSync(draft, folder.secretKey)
  syncFile(folder.path)
  return key
}

function readKey(path: string): Uint8Array {
  const text = readFileSync(path, 'utf8').trim()
  // Anything else is decoded to another length, or not at all.
  const key = /^[\w-]*$/.test(text) ? Buffer.from(text, 'base64url') : new Uint8Array()
  if (key.length === keyLength) return key
  throw new DomainError('unavailable', `${path} does not hold a secret key`, {
    hint: 'put the file back from a copy, or remove it: a new key is made then, and everybody signs in again',
  })
}
