import { hkdfSync } from 'node:crypto'

/**
 * What a database may know of the secret key that its servers share: enough to tell another key by, and
 * nothing that could make a token (RFC 5869, with an info of its own).
 */
export function keyFingerprint(secretKey: Uint8Array): string {
  const bytes = new Uint8Array(hkdfSync('sha256', secretKey, '', 'snailpass key fingerprint', 16))
  return bytes.toHex()
}
