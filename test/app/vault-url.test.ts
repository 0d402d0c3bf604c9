import { expect, test } from 'bun:test'
import { vaultUrlOf } from '../../src/app/vault-url'

const find = (publicUrl: string | null, ...urls: readonly string[]) =>
  vaultUrlOf(
    publicUrl === null ? null : new URL(publicUrl),
    urls.map((url) => new URL(url)),
  )

test('names the first address at which browsers have cryptography', () => {
  const [plain, tls, here] = [
    'http://192.168.1.5:5000/',
    'https://pi.local:5443/',
    'http://localhost:5000/',
  ]
  expect(find('https://vault.example.org/pass/', plain, tls)).toBe(
    'https://vault.example.org/pass/vault/',
  )
  expect(find('http://pi.local:5000/', plain, tls)).toBe('https://pi.local:5443/vault/')
  expect(find(null, plain, here)).toBe('http://localhost:5000/vault/')
  expect(find(null, 'http://[::1]:5000/')).toBe('http://[::1]:5000/vault/')
  expect([find(null, plain), find(null), find('http://pi.local/')]).toEqual([null, null, null])
})

test('names an address of this machine for a listener on all of them', () => {
  expect(find(null, 'https://0.0.0.0:5443/')).toMatch(/^https:\/\/[^[\]]+:5443\/vault\/$/)
  expect(find(null, 'http://[::]:5000/')).toBe('http://localhost:5000/vault/')
  expect(find(null, 'https://[::]:5443/')).not.toContain('[::]')
})
