import { expect, test } from 'bun:test'
import { keyFingerprint } from '../../src/crypto/key-fingerprint'

test('the fingerprint of a key is 16 bytes of HKDF, as another implementation computes them', async () => {
  const key = new Uint8Array(32).fill(7)
  const info = new TextEncoder().encode('snailpass key fingerprint')
  const material = await crypto.subtle.importKey('raw', key, 'HKDF', false, ['deriveBits'])
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }
  const bits = await crypto.subtle.deriveBits(parameters, material, 16 * 8)
  expect(keyFingerprint(key)).toBe(new Uint8Array(bits).toHex())
})
