import { type Bytes, encodeUtf8, toHex } from './encoding'

/** Returns an id for a new entry. */
export function randomId(): string {
  return crypto.randomUUID()
}

/** Returns the UUID of version 5 (RFC 9562) that a name has in a namespace, which is a UUID as well. */
export async function nameBasedId(namespace: string, name: string): Promise<string> {
  const space = Uint8Array.from(namespace.replaceAll('-', '').match(/../g) ?? [], (pair) =>
    Number.parseInt(pair, 16),
  )
  const input = new Uint8Array([...space, ...encodeUtf8(name)])
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-1', input)).subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Returns the SHA-256 of bytes in hexadecimal digits. */
export async function sha256Hex(bytes: Bytes): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}
