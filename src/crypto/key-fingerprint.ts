import { hkdfSync } from 'node:crypto'

/**
 * Returns 16 bytes in hexadecimal that identify a secret key. They are stored in the database, so that a server with another
 * key notices. They are derived from the key with an `info` of their own (RFC 5869), so they reveal nothing about it.
 */
export function keyFingerprint(secretKey: Uint8Array): string {
  const bytes = new Uint8Array(hkdfSync('sha256', secretKey, '', 'snailpass key fingerprint', 16))
  return bytes.toHex()
}
