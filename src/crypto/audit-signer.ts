import { createHmac, hkdfSync } from 'node:crypto'
import type { AuditSigner } from '../domain/audit'

/**
 * HMAC-SHA256 in hexadecimal digits, under a key that is derived from the secret key for the audit trail alone (RFC 5869).
 * Values are written as a JSON array, which tells every list from every other: texts are quoted, and null is a word.
 */
export function createAuditSigner(secretKey: Uint8Array): AuditSigner {
  const key = new Uint8Array(hkdfSync('sha256', secretKey, '', 'snailpass audit trail', 32))
  return {
    sign: (values) => createHmac('sha256', key).update(JSON.stringify(values)).digest('hex'),
  }
}
