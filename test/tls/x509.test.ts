import { describe, expect, test } from 'bun:test'
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as ParsedCertificate,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509'
import { readCertificateFields, readNameConstraints } from '../../src/tls/certificate-fields'
import { parseCertificateInfo, parseChain } from '../../src/tls/certificate-info'
import {
  createAuthorityCertificate,
  createCsr,
  createLeafCertificate,
  createPlaceholder,
  generateKey,
} from '../../src/tls/x509'
import { captureError } from '../support/capture-error'
import { random } from '../support/timing'

const start = Date.UTC(2026, 10, 23, 16, 31, 4)
const day = 24 * 3600_000
const constraints = { domains: ['pi', 'local'], networks: ['10.0.0.0/8', 'fc00::/7'] }
const validity = { notBefore: start, notAfter: start + 10 * day }
const options = { hostname: 'pi', constraints, ...validity }
const key = await generateKey()
const cert = await createAuthorityCertificate(key, options, random)
const authority = { cert, key }

const constraintsOf = (pem: string) =>
  readNameConstraints(readCertificateFields(new X509Certificate(pem)))

/** Bytes that are all the same. */
const bytes = (value: number) => (count: number) => new Uint8Array(count).fill(value)

/** What a certificate may be used for, and which of its extensions clients must not ignore. */
function usesOf(pem: string) {
  const certificate = new ParsedCertificate(pem)
  const basic = certificate.getExtension(BasicConstraintsExtension)
  return {
    ca: basic?.ca,
    pathLength: basic?.pathLength,
    usages: certificate.getExtension(KeyUsagesExtension)?.usages,
    extended: certificate.getExtension(ExtendedKeyUsageExtension)?.usages,
    critical: certificate.extensions.filter(({ critical }) => critical).map(({ type }) => type),
  }
}

const serverAuth = ['1.3.6.1.5.5.7.3.1']
const [basicConstraints, keyUsage, nameConstraints] = ['2.5.29.19', '2.5.29.15', '2.5.29.30']

test('a new key is on P-256', async () => {
  expect(createPrivateKey(key).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
  expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----\n[\s\S]+\n-----END PRIVATE KEY-----\n$/)
  expect(await generateKey()).not.toBe(key)
})

describe('the certificate of an authority', () => {
  test('is valid for exactly the given time, and named for its host and key', async () => {
    const certificate = new X509Certificate(cert)
    const keyId = Buffer.from(
      await crypto.subtle.digest(
        'SHA-1',
        certificate.publicKey.export({ type: 'spki', format: 'der' }).subarray(26),
      ),
    ).toString('hex')
    expect(parseCertificateInfo(cert)).toMatchObject({
      subject: `CN=SnailPass pi ${keyId.slice(0, 8)}`,
      issuer: `CN=SnailPass pi ${keyId.slice(0, 8)}`,
      names: [],
      ...validity,
    })
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBeTrue()
    expect(certificate.verify(certificate.publicKey)).toBeTrue()
  })

  test('may issue certificates of servers, and no further authorities', () => {
    expect(usesOf(cert)).toEqual({
      ca: true,
      pathLength: 0,
      usages: KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign,
      extended: serverAuth,
      critical: [basicConstraints, keyUsage, nameConstraints],
    })
  })

  test('permits exactly its domains and networks', () => {
    expect(constraintsOf(cert)).toEqual({
      domains: ['pi', 'local'],
      networks: ['10.0.0.0/8', 'fc00::/7'],
    })
  })

  test.each([
    ['domains', { domains: [], networks: ['10.0.0.0/8'] }],
    ['networks', { domains: ['pi'], networks: [] }],
  ])('without constraints for %s counts as one without constraints', async (_, some) => {
    expect(
      constraintsOf(
        await createAuthorityCertificate(key, { ...options, constraints: some }, random),
      ),
    ).toBeNull()
  })

  test.each([
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['Ed25519', generateKeyPairSync('ed25519')],
  ])('is not created for a key of another kind: %s', async (_, { privateKey }) => {
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    expect(await captureError(createAuthorityCertificate(pem, options, random))).toBeInstanceOf(
      Error,
    )
  })
})

describe('a serial number', () => {
  test.each([
    [0x00, `40${'00'.repeat(15)}`],
    [0xff, `7F${'FF'.repeat(15)}`],
    [0xbf, `7F${'BF'.repeat(15)}`],
    [0x40, `40${'40'.repeat(15)}`],
  ])('is positive and has 16 bytes, all of them random: %p', async (value, serial) => {
    const ca = await createAuthorityCertificate(key, options, bytes(value))
    expect(new X509Certificate(ca).serialNumber).toBe(serial)
    const leaf = await createLeafCertificate(
      authority,
      { names: ['pi'], ...validity },
      bytes(value),
    )
    expect(new X509Certificate(leaf.cert).serialNumber).toBe(serial)
  })
})

describe('the certificate of a server', () => {
  const names = ['pi.local', '10.0.0.5', 'fd00::5']

  test('is issued by the authority for names and addresses, with a key of its own', async () => {
    const leaf = await createLeafCertificate(
      authority,
      { names, notBefore: start + day, notAfter: start + 2 * day },
      random,
    )
    expect(parseCertificateInfo(leaf.cert)).toMatchObject({
      subject: 'CN=SnailPass server',
      issuer: parseCertificateInfo(cert).subject,
      names,
      notBefore: start + day,
      notAfter: start + 2 * day,
    })
    const [own, issuer] = parseChain(leaf.cert)
    expect(own?.subjectAltName).toBe(
      'DNS:pi.local, IP Address:10.0.0.5, IP Address:FD00:0:0:0:0:0:0:5',
    )
    expect(issuer?.raw).toEqual(new X509Certificate(cert).raw)
    expect(own?.checkIssued(new X509Certificate(cert))).toBeTrue()
    expect(own?.verify(new X509Certificate(cert).publicKey)).toBeTrue()
    expect(own?.checkPrivateKey(createPrivateKey(leaf.key))).toBeTrue()
    expect(leaf.key).not.toBe(key)
    expect(parseChain(leaf.cert)).toHaveLength(2)
    expect(leaf.cert).toEndWith(`-----END CERTIFICATE-----\n${cert}`)
  })

  test('may be used by a server only', async () => {
    const leaf = await createLeafCertificate(authority, { names, ...validity }, random)
    expect(usesOf(leaf.cert)).toEqual({
      ca: false,
      pathLength: undefined,
      usages: KeyUsageFlags.digitalSignature,
      extended: serverAuth,
      critical: [basicConstraints, keyUsage],
    })
  })

  test('names the key of its authority, as clients need it with two authorities of one name', async () => {
    const leaf = await createLeafCertificate(authority, { names, ...validity }, random)
    const [subject = '', issuer = ''] = [leaf.cert, cert].map((pem) =>
      Buffer.from(
        new ParsedCertificate(pem).getExtension('2.5.29.35')?.value ?? new ArrayBuffer(),
      ).toString('hex'),
    )
    const own = Buffer.from(
      new ParsedCertificate(cert).getExtension('2.5.29.14')?.value ?? new ArrayBuffer(),
    )
    expect(subject).toEndWith(own.subarray(2).toString('hex'))
    expect(issuer).toBe('')
    expect(new ParsedCertificate(leaf.cert).getExtension('2.5.29.14')).not.toBeNull()
  })
})

test('a signing request has the names and a key of its own, and is signed with it', async () => {
  const names = ['vault.example.org', 'pass.example.org']
  const { csr, key: own } = await createCsr(names)
  const request = new Pkcs10CertificateRequest(csr)
  expect(await request.verify(crypto)).toBeTrue()
  expect(request.extensions.map(({ type }) => type)).toEqual(['2.5.29.17'])
  const [extension = new ArrayBuffer()] = request.extensions.map(({ rawData }) => rawData)
  expect(new SubjectAlternativeNameExtension(extension).names.toJSON()).toEqual(
    names.map((value) => ({ type: 'dns', value })),
  )
  const publicKey = createPublicKey(own).export({ type: 'spki', format: 'der' })
  expect(Buffer.from(request.publicKey.rawData)).toEqual(publicKey)
})

test('a placeholder is signed by itself, and valid from a day ago for 90 days', async () => {
  const placeholder = await createPlaceholder(['vault.example.org', '10.0.0.5'], start)
  const certificate = new X509Certificate(placeholder.cert)
  expect(parseCertificateInfo(placeholder.cert)).toMatchObject({
    subject: 'CN=SnailPass has no certificate yet',
    issuer: 'CN=SnailPass has no certificate yet',
    names: ['vault.example.org', '10.0.0.5'],
    notBefore: start - day,
    notAfter: start + 90 * day,
  })
  expect(certificate.checkPrivateKey(createPrivateKey(placeholder.key))).toBeTrue()
  expect(certificate.ca).toBeFalse()
})
