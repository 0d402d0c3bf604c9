import { expect, test } from 'bun:test'
import { nameBasedId, randomId, sha256Hex } from '../../../../src/web/vault/crypto/ids'

test('derives the id of RFC 9562, appendix A.4', async () => {
  const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
  expect(await nameBasedId(dns, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2')
})

test('gives a new id each time', () => {
  expect(randomId()).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  )
  expect(randomId()).not.toBe(randomId())
})

test('hashes bytes', async () => {
  expect(await sha256Hex(new TextEncoder().encode('abc'))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
})
