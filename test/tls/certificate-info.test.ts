import { describe, expect, test } from 'bun:test'
import { createHash, X509Certificate } from 'node:crypto'
import {
  derOf,
  isIssuedFor,
  parseCertificateInfo,
  parseChain,
} from '../../src/tls/certificate-info'
import { createTestAuthority } from '../support/certificates'

const authority = await createTestAuthority()
const start = Date.UTC(2026, 10, 23, 16, 31, 4)
const subject = {
  names: ['Vault.Example.org', '10.0.0.5'],
  notBefore: start,
  notAfter: start + 7_000,
}
const { certificate } = await authority.issue(subject)

test('a certificate is described by what its first block contains', () => {
  const info = parseCertificateInfo(`text\n${certificate}${authority.certificate}`)
  const der = Buffer.from(certificate.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  const digits = createHash('sha256').update(der).digest('hex').toUpperCase()
  expect(info).toEqual({
    subject: 'CN=Test server',
    issuer: 'CN=Test authority',
    names: ['vault.example.org', '10.0.0.5'],
    notBefore: start,
    notAfter: start + 7_000,
    sha256: digits.match(/../g)?.join(':') ?? '',
  })
  expect(Buffer.from(derOf(certificate))).toEqual(der)
})

test('a certificate without alternative names is for no name', async () => {
  const { certificate: client } = await authority.issue({ user: 'vault.example.org' })
  expect(parseCertificateInfo(client)).toMatchObject({ subject: 'CN=vault.example.org', names: [] })
})

test('a subject of several parts is one line', async () => {
  const { certificate: parts } = await authority.issue({ user: 'a, O=b, C=DE' })
  expect(parseCertificateInfo(parts).subject).toBe('CN=a, O=b, C=DE')
})

test('a chain has its certificates in their order, and no other blocks', () => {
  const key = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'
  const chain = parseChain(`${certificate}${key}${authority.certificate}`)
  expect(chain.map(({ fingerprint256 }) => fingerprint256)).toEqual(
    [certificate, authority.certificate].map((pem) => new X509Certificate(pem).fingerprint256),
  )
  expect(parseChain('nonsense')).toEqual([])
  expect(() => parseCertificateInfo(key)).toThrow('no certificate')
  expect(() => parseChain('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')).toThrow()
})

describe('a certificate for *.example.org, pi and 10.0.0.5', () => {
  const names = ['*.example.org', 'pi', '10.0.0.5', '*.0.0.6', 'fd00::5']

  test.each([
    ['vault.example.org', true],
    ['pi', true],
    ['10.0.0.5', true],
    ['fd00::5', true],
    ['*.example.org', true],
    ['example.org', false],
    ['a.b.example.org', false],
    ['nas', false],
    ['pi.local', false],
    // A wildcard is no part of an address.
    ['10.0.0.6', false],
    ['fd00::6', false],
    ['.example.org', false],
  ])('is for %s: %p', (name, isFor) => {
    expect(isIssuedFor(name, { names })).toBe(isFor)
  })
})
