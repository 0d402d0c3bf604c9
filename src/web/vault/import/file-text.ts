const encodings = [
  { label: 'utf-8', mark: [0xef, 0xbb, 0xbf] },
  { label: 'utf-16le', mark: [0xff, 0xfe] },
  { label: 'utf-16be', mark: [0xfe, 0xff] },
] as const

/** Returns the text of a file in UTF-8, or in UTF-16 with a byte order mark; null if it is in neither. */
export function decodeFile(bytes: Uint8Array): string | null {
  const found = encodings.find(({ mark }) => mark.every((byte, at) => bytes[at] === byte))
  try {
    return new TextDecoder(found?.label ?? 'utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}
