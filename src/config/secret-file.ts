import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { errorMessage } from '../domain/errors'
import { InvalidSetting } from './values'

/** Returns the name of the variable that takes the path of a file with the text of a setting. */
export function fileVariantOf(name: string): string {
  return `${name}_FILE`
}

/** Maximum size of a secret file, in bytes. The path may name a disk by mistake. */
const maxBytes = 64 * 1024

export interface SecretFileContent {
  /** Without its last line end, which editors and `echo` add. */
  readonly text: string
  readonly isWorldReadable: boolean
}

/** Reads a file that contains one secret. Throws InvalidSetting, without any of the content. */
export function readSecretFile(path: string): SecretFileContent {
  const { bytes, mode } = readBounded(path)
  if (bytes.length > maxBytes) {
    throw new InvalidSetting('the file is larger than 64 KiB', {
      hint: 'name a file that contains only the secret',
    })
  }
  const text = decodeUtf8(bytes).replace(/\r?\n$/, '')
  if (text === '') {
    throw new InvalidSetting('the file is empty', {
      hint: 'write the secret into the file, or remove the setting',
    })
  }
  return { text, isWorldReadable: isWorldReadable(mode) }
}

/** Reads a file up to one byte more than `maxBytes`, so that the caller notices a larger file. */
function readBounded(path: string): { bytes: Uint8Array; mode: number } {
  try {
    const file = openSync(path, 'r')
    try {
      const bytes = new Uint8Array(maxBytes + 1)
      let length = 0
      // A pipe returns fewer bytes than are asked for.
      for (let more = -1; more !== 0 && length < bytes.length; length += more) {
        more = readSync(file, bytes, length, bytes.length - length, null)
      }
      return { bytes: bytes.subarray(0, length), mode: fstatSync(file).mode }
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    throw new InvalidSetting(`can't read the file: ${errorMessage(cause)}`, {
      hint: 'name a file that contains the secret and that the user who runs snailpass may read',
    })
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new InvalidSetting('the file is not UTF-8 text', {
      hint: 'write the secret into the file as text',
    })
  }
}

/** Returns whether every user of this machine may read a file with this mode. Always false on Windows. */
export function isWorldReadable(mode: number): boolean {
  return process.platform !== 'win32' && (mode & 0o004) !== 0
}
