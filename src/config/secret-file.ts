import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { errorMessage } from '../domain/errors'
import { InvalidSetting } from './values'

/** The name under which a setting takes the path of a file that holds its text. */
export function fileVariantOf(name: string): string {
  return `${name}_FILE`
}

/** A secret has no more than this, in bytes; a slip of the pen may name a disk. */
const maxBytes = 64 * 1024

export interface SecretFileContent {
  /** Without its last line end: editors and `echo` put one there. */
  readonly text: string
  readonly isWorldReadable: boolean
}

/** Reads a file that holds one secret. Throws InvalidSetting, whose message repeats nothing of what is in it. */
export function readSecretFile(path: string): SecretFileContent {
  const { bytes, mode } = readBounded(path)
  if (bytes.length > maxBytes) {
    throw new InvalidSetting('is larger than 64 KiB', 'name a file that holds the secret alone')
  }
  const text = decodeUtf8(bytes).replace(/\r?\n$/, '')
  if (text === '') {
    throw new InvalidSetting('is empty', 'write the secret into the file, or leave the setting out')
  }
  return { text, isWorldReadable: isWorldReadable(mode) }
}

/** Reads one byte more than may be there, at most. */
function readBounded(path: string): { bytes: Uint8Array; mode: number } {
  try {
    const file = openSync(path, 'r')
    try {
      const bytes = new Uint8Array(maxBytes + 1)
      let length = 0
      // A pipe gives what it has, piece by piece.
      for (let more = -1; more !== 0 && length < bytes.length; length += more) {
        more = readSync(file, bytes, length, bytes.length - length, null)
      }
      return { bytes: bytes.subarray(0, length), mode: fstatSync(file).mode }
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    throw new InvalidSetting(
      `can't be read: ${errorMessage(cause)}`,
      'name a file that holds the secret, and that the user who runs snailpass may read',
    )
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new InvalidSetting('is not text', 'write the secret into it as text, in UTF-8')
  }
}

/** Whether everybody on this machine may read a file of this mode. Windows knows no such modes. */
export function isWorldReadable(mode: number): boolean {
  return process.platform !== 'win32' && (mode & 0o004) !== 0
}
