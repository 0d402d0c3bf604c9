import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { BackupSigner } from '../domain/backup-signer'
import { keyFingerprint } from './key-fingerprint'

/** Signs with HMAC-SHA256, in hexadecimal. The key is derived from the secret key for backups only (RFC 5869). */
export function createBackupSigner(secretKey: Uint8Array): BackupSigner {
  const key = new Uint8Array(hkdfSync('sha256', secretKey, '', 'snailpass backup', 32))
  const sign = (checksum: string) => createHmac('sha256', key).update(checksum).digest('hex')
  return {
    fingerprint: keyFingerprint(secretKey),
    sign,
    verify(checksum, signature) {
      const [expected, found] = [Buffer.from(sign(checksum)), Buffer.from(signature)]
      return expected.length === found.length && timingSafeEqual(expected, found)
    },
  }
}
