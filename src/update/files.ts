import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { DomainError } from '../domain/errors'
import type { ReleaseSource } from './source'

/**
 * Reads a small file of a release; null if there is none. Throws `unavailable`, and `conflict` if it is larger than
 * `maxBytes`.
 */
export async function findSmallFile(
  source: ReleaseSource,
  file: string,
  maxBytes: number,
): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = []
  const opened = await source.open(file)
  if (opened === null) return null
  for await (const chunk of bounded(opened.chunks, file, maxBytes)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export interface SavedFile {
  readonly source: ReleaseSource
  readonly file: string
  /** The path to save it to. No file is there. */
  readonly path: string
  readonly maxBytes: number
  /** Told how far it is. The size is null if the source does not say it. */
  readonly onProgress: (done: number, size: number | null) => void
}

/**
 * Saves a file of a release. Returns the SHA-256 of what was saved, in hexadecimal. Throws `unavailable`, `conflict` if it is
 * too large, and system errors of the path.
 */
export async function saveFile(saved: SavedFile): Promise<string> {
  const { source, file, path, maxBytes, onProgress } = saved
  const opened = await source.open(file)
  if (opened === null) {
    throw new DomainError('unavailable', `there is no ${file} at ${source.name}`, {
      hint: 'a newer release may just have replaced it: run this again',
    })
  }
  const hash = createHash('sha256')
  await using target = await open(path, 'wx', 0o600)
  let done = 0
  for await (const chunk of bounded(opened.chunks, file, maxBytes)) {
    hash.update(chunk)
    await target.writeFile(chunk)
    done += chunk.length
    onProgress(done, opened.size)
  }
  return hash.digest('hex')
}

async function* bounded(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  maxBytes: number,
): AsyncIterable<Uint8Array> {
  let length = 0
  for await (const chunk of chunks) {
    length += chunk.length
    if (length > maxBytes) {
      throw new DomainError('conflict', `${file} is larger than ${maxBytes} bytes`, {
        hint: 'nothing was installed; check that the address is that of a release of snailpass',
      })
    }
    yield chunk
  }
}
