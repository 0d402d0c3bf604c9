import { existsSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { DomainError } from '../domain/errors'
import type { Random } from '../domain/world'
import { syncFile } from '../engine/sqlite'
import type { DataFolder } from './data-folder'

/** Bytes in a key of our own making. */
const keyLength = 32

/**
 * The secret key of the folder, made at the first call and durable before it is used; `made` says which.
 * Throws `unavailable` for a file that holds no key: another key in its place would end every session unasked.
 */
export function secretKeyOf(
  folder: DataFolder,
  random: Random,
): { key: Uint8Array; made: boolean } {
  if (existsSync(folder.secretKey)) return { key: readKey(folder.secretKey), made: false }
  const key = random(keyLength)
  // Written under another name first, so that a crash leaves a whole key or none.
  const draft = `${folder.secretKey}.new`
  rmSync(draft, { force: true })
  writeFileSync(draft, `${key.toBase64({ alphabet: 'base64url', omitPadding: true })}\n`, {
    mode: 0o600,
    flush: true,
  })
  linkSync(draft, folder.secretKey)
  rmSync(draft)
  syncFile(folder.path)
  return { key, made: true }
}

function readKey(path: string): Uint8Array {
  try {
    const key = Uint8Array.fromBase64(readFileSync(path, 'utf8').trim(), { alphabet: 'base64url' })
    if (key.length === keyLength) return key
  } catch {
    // Not base64: the same refusal as for a wrong length.
  }
  throw new DomainError('unavailable', `${path} does not hold a secret key`, {
    hint: 'put the file back from a copy, or remove it: a new key is made then, and everybody signs in again',
  })
}
