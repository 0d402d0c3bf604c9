import { expect, test } from 'bun:test'
import { createAuditSigner } from '../../src/crypto/audit-signer'

const secretKey = Uint8Array.from({ length: 32 }, (_, index) => index)

// Computed by Python's hmac and json. Another value would invalidate every existing audit log.
test('a signature of the audit log is HMAC-SHA256 of a JSON array under a key of its own', () => {
  const signer = createAuditSigner(secretKey)
  expect(signer.sign(['row', '', 1, 1764041702123, 'login', 'user', null, 'ä@nas.local'])).toBe(
    '32d6c41b5a7409be1ce4283a8e3b73f533c0508f7f1289732757f9c34d725360',
  )
})

test('signatures of similar lists differ, and those of different keys', () => {
  const signer = createAuditSigner(secretKey)
  const lists = [
    ['ab', 'c'],
    ['a', 'bc'],
    ['a', 'b', 'c'],
    ['abc'],
    ['1'],
    [1],
    [null],
    ['null'],
    ['a","b'],
    ['a', 'b'],
    [],
  ]
  expect(new Set(lists.map((list) => signer.sign(list))).size).toBe(lists.length)
  expect(createAuditSigner(new Uint8Array(32)).sign(['1'])).not.toBe(signer.sign(['1']))
})
