import { createHash } from 'node:crypto'

/** Load command of a Mach-O file that names the signature, and the magic number of its list of hashes. */
const signatureCommand = 0x1d
const codeDirectoryMagic = 0xfade_0c02

/**
 * Returns how many pages the signature of a Mach-O executable lists and how many of them differ from it. macOS on Apple silicon
 * kills a program without a signature, and one of whose pages differs. Throws for a file without one.
 * (Apple's `cs_blobs.h` and `mach-o/loader.h` describe the formats.)
 */
export function checkCodeSignature(file: Uint8Array): { pages: number; changed: number } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const start = findSignature(view)
  const count = view.getUint32(start + 8)
  for (let index = 0; index < count; index++) {
    const directory = start + view.getUint32(start + 16 + 8 * index)
    if (view.getUint32(directory) === codeDirectoryMagic)
      return checkPages(file, view, directory, start)
  }
  throw new Error('the signature has no list of hashes')
}

/** Returns the offset of the signature. */
function findSignature(view: DataView): number {
  const count = view.getUint32(16, true)
  let offset = 32
  for (let index = 0; index < count; index++) {
    if (view.getUint32(offset, true) === signatureCommand) return view.getUint32(offset + 8, true)
    offset += view.getUint32(offset + 4, true)
  }
  throw new Error('the executable has no signature')
}

function checkPages(file: Uint8Array, view: DataView, directory: number, end: number) {
  const hashes = directory + view.getUint32(directory + 16)
  const pages = view.getUint32(directory + 28)
  const limit = view.getUint32(directory + 32)
  const size = view.getUint8(directory + 36)
  const pageBytes = 2 ** view.getUint8(directory + 39)
  if (limit !== end) throw new Error('the signature does not cover the whole file')
  let changed = 0
  for (let page = 0; page < pages; page++) {
    const content = file.subarray(page * pageBytes, Math.min((page + 1) * pageBytes, limit))
    const hash = createHash('sha256').update(content).digest().subarray(0, size)
    if (hash.compare(file.subarray(hashes + page * size, hashes + (page + 1) * size)) !== 0)
      changed++
  }
  return { pages, changed }
}
