import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Why a file is not used, as a text that follows its name. The system's errors are thrown as they are. */
export class UnusableFile extends Error {
  override readonly name = 'UnusableFile'
}

export interface TextFile {
  /** Without a byte order mark, which editors on Windows add. */
  readonly text: string
  readonly mode: number
}

/**
 * Reads a small text file. Throws UnusableFile if it has more than `maxKibibytes` or is not text, without any of its content,
 * and the system's error if it can't be read.
 */
export function readTextFile(path: string, maxKibibytes: number): TextFile {
  const { bytes, mode } = readBounded(path, maxKibibytes * 1024)
  if (bytes.length > maxKibibytes * 1024) {
    throw new UnusableFile(`the file is larger than ${maxKibibytes} KiB`)
  }
  return { text: decodeUtf8(bytes), mode }
}

/** Reads a file up to one byte more than `maxBytes`, so that the caller notices a larger file. The path may name a disk. */
function readBounded(path: string, maxBytes: number): { bytes: Uint8Array; mode: number } {
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
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new UnusableFile('the file is not UTF-8 text')
  }
}

/** Returns whether every user of this machine may read a file with this mode. Always false on Windows. */
export function isWorldReadable(mode: number): boolean {
  return process.platform !== 'win32' && (mode & 0o004) !== 0
}
