import { createHmac, hkdfSync } from 'node:crypto'
import type { AuditSigner } from '../domain/audit'

/**
 * Signs with HMAC-SHA256, in hexadecimal. The key is derived from the secret key for the audit log only (RFC 5869). The values
 * are signed as a JSON array, in which different lists never have the same text.
 */
export function createAuditSigner(secretKey: Uint8Array): AuditSigner {
  const key = new Uint8Array(hkdfSync('sha256', secretKey, '', 'snailpass audit trail', 32))
  return {
    sign: (values) => createHmac('sha256', key).update(JSON.stringify(values)).digest('hex'),
  }
}
