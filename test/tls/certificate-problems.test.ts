import { afterAll, describe, expect, test } from 'bun:test'
import { reviewCertificate } from '../../src/tls/certificate-problems'
import { parseKeyPair } from '../../src/tls/key-pair'
import { captureError } from '../support/capture-error'
import { createTestAuthority } from '../support/certificates'
import { caExtensions, createOpenssl, type OpensslCertificate, p256 } from '../support/openssl'

const openssl = createOpenssl()
afterAll(() => openssl[Symbol.dispose]())
const paths = { cert: 'CERT', key: 'KEY' }
const san = 'subjectAltName=DNS:vault.example.org,IP:192.168.1.5'
const root = openssl.issue({ extensions: caExtensions })
const intermediate = openssl.issue({ extensions: caExtensions }, root)

/** Returns what is wrong with a chain, for its first certificate's key. */
function listProblems(
  chain: readonly [OpensslCertificate, ...OpensslCertificate[]],
  publicName: string | null = null,
): readonly string[] {
  const cert = chain.map((part) => part.cert).join('')
  const pair = parseKeyPair({ cert, key: chain[0].key }, paths)
  return reviewCertificate(pair, { file: 'CERT', publicName }).problems.map(({ what }) => what)
}

const elliptic = (curve: string) => ['ec', '-pkeyopt', `ec_paramgen_curve:${curve}`]
const rsa = 'rsa:2048'
const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32']

describe('nothing is wrong with', () => {
  test.each([
    ['P-256', { key: p256 }],
    ['P-384 with SHA-384', { key: elliptic('P-384'), options: ['-sha384'] }],
    ['RSA with SHA-512', { key: [rsa], options: ['-sha512'] }],
    ['825 days', { days: 825 }],
  ])('a certificate of an intermediate CA: %s', (_, request) => {
    const leaf = openssl.issue({ ...request, extensions: [san] }, intermediate)
    expect(listProblems([leaf, intermediate, root])).toEqual([])
    // Devices have the root.
    expect(listProblems([leaf, intermediate])).toEqual([])
  })

  test('one that is for servers among other things, and one that a CA of the file issued', () => {
    const extensions = [
      san,
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature,keyEncipherment',
      'extendedKeyUsage=clientAuth,serverAuth',
    ]
    expect(listProblems([openssl.issue({ extensions }, root), root])).toEqual([])
  })

  test('a self-signed one, which is a CA if openssl makes it', () => {
    expect(
      listProblems([openssl.issue({ extensions: [san, 'basicConstraints=CA:TRUE'] })]),
    ).toEqual([])
  })
})

describe("a server's certificate that clients reject is named:", () => {
  test.each([
    ['RSA with 1024 bits', { key: ['rsa:1024'] }, 'has an RSA key of 1024 bits'],
    ['RSA with 2047 bits', { key: ['rsa:2047'] }, 'has an RSA key of 2047 bits'],
    ['P-521', { key: elliptic('P-521') }, 'has a key on the curve P-521'],
    ['Ed25519', { key: ['ed25519'] }, 'has a key of type Ed25519'],
    ['SHA-1', { key: [rsa], options: ['-sha1'] }, 'is signed with ecdsa-with-SHA1'],
    ['SHA-224', { options: ['-sha224'] }, 'is signed with ecdsa-with-SHA224'],
    ['a CA', { extensions: [san, 'basicConstraints=critical,CA:TRUE'] }, 'is that of a CA'],
    [
      'RSA without signatures',
      { key: [rsa], extensions: [san, 'keyUsage=keyEncipherment'] },
      'lacks digital signatures',
    ],
    ['for clients', { extensions: [san, 'extendedKeyUsage=clientAuth'] }, 'lacks servers'],
    ['for everything', { extensions: [san, 'extendedKeyUsage=2.5.29.37.0'] }, 'lacks servers'],
    ['must staple', { extensions: [san, 'tlsfeature=status_request'] }, 'OCSP stapling'],
    ['damage', { extensions: [san, '2.5.29.37=DER:0500'] }, 'has damaged extensions'],
    ['no SAN', { extensions: [] }, 'no subject alternative name'],
    [
      'an email as SAN',
      { extensions: ['subjectAltName=email:a@b.org'] },
      'no subject alternative name',
    ],
    [
      'an address as a name',
      { extensions: ['subjectAltName=DNS:192.168.1.5'] },
      'no subject alternative name',
    ],
    ['826 days', { days: 826 }, 'is valid for more than 825 days'],
  ])('%s', (_, request, expected) => {
    const leaf = openssl.issue({ extensions: [san], ...request }, intermediate)
    const problems = listProblems([leaf, intermediate])
    expect(problems).toEqual([expect.stringContaining(expected)])
    expect(problems[0]).toContain('CERT')
  })

  test.each([
    ['SHA-1', ['-sha1'], 'sha1WithRSAEncryption'],
    ['MD5', ['-md5'], 'md5WithRSAEncryption'],
    ['RSASSA-PSS', pss, 'rsassaPss'],
    ['RSASSA-PSS with a long salt', pss.slice(0, 2), 'rsassaPss'],
  ])('signed by RSA with %s, by itself and by a CA', (_, options, algorithm) => {
    const signed = [`the certificate CERT is signed with ${algorithm}`]
    expect(listProblems([openssl.issue({ key: [rsa], options, extensions: [san] })])).toEqual(
      signed,
    )
    const authority = openssl.issue({ key: [rsa], extensions: caExtensions })
    const leaf = openssl.issue({ options, extensions: [san] }, authority)
    expect(listProblems([leaf, authority])).toEqual(signed)
  })

  test.each([
    ['vault.example.org', []],
    ['192.168.1.5', []],
    ['other.example.org', ['the certificate CERT is not for other.example.org']],
    ['192.168.1.6', ['the certificate CERT is not for 192.168.1.6']],
  ])('for the public URL of %s', (publicName, expected) => {
    const leaf = openssl.issue({ extensions: [san] }, root)
    expect(listProblems([leaf, root], publicName)).toEqual(expected)
  })
})

test.each([
  ['secp256k1', elliptic('secp256k1'), 'a key on the curve secp256k1'],
  ['brainpool', elliptic('brainpoolP384r1'), 'a key on the curve brainpoolP384r1'],
  ['P-224', elliptic('P-224'), 'a key on the curve P-224'],
  [
    'a curve without a name',
    [...p256, '-pkeyopt', 'ec_param_enc:explicit'],
    'a key on a curve without a name',
  ],
  ['Ed448', ['ed448'], 'a key of type Ed448'],
  ['RSASSA-PSS', ['rsa-pss', '-pkeyopt', 'rsa_keygen_bits:2048'], 'a key of type RSASSA-PSS'],
])('a key that can not be served is refused by its name: %s', async (_, key, words) => {
  const leaf = openssl.issue({ key, extensions: [san] })
  const error = await captureError((async () => parseKeyPair(leaf, paths))())
  expect(error).toMatchObject({
    code: 'unavailable',
    message: `can't use CERT: it has ${words}, which browsers do not support`,
    hint: expect.stringContaining('P-256'),
  })
})

test('a certificate for ECDSA that may not sign is refused, because it can not be served', async () => {
  const leaf = openssl.issue({ extensions: [san, 'keyUsage=keyEncipherment'] })
  expect(await captureError((async () => parseKeyPair(leaf, paths))())).toMatchObject({
    message: "can't use CERT: its key usage lacks digital signatures",
    hint: expect.stringContaining('digitalSignature'),
  })
})

describe('an issuer that clients reject is named:', () => {
  const ca = 'basicConstraints=critical,CA:TRUE'
  test.each([
    ['no CA', { extensions: ['basicConstraints=CA:FALSE'] }, 'is not a CA'],
    ['no CA by version', { extensions: [] }, 'is not a CA'],
    ['no key usage', { extensions: [ca, 'keyUsage=cRLSign'] }, 'may not sign certificates'],
    ['for clients', { extensions: [ca, 'extendedKeyUsage=clientAuth'] }, 'of servers'],
    ['RSA with 1024 bits', { key: ['rsa:1024'], extensions: caExtensions }, 'RSA key of 1024 bits'],
    ['secp256k1', { key: elliptic('secp256k1'), extensions: caExtensions }, 'secp256k1'],
    ['SHA-1', { options: ['-sha1'], extensions: caExtensions }, 'is signed with ecdsa-with-SHA1'],
  ])('%s', (_, request, words) => {
    const issuer = openssl.issue(request, root)
    const leaf = openssl.issue({ extensions: [san] }, issuer)
    const problems = listProblems([leaf, issuer, root])
    expect(problems).toHaveLength(1)
    expect(problems[0]).toStartWith(`the issuer "CN=${issuer.name}" in CERT`)
    expect(problems[0]).toContain(words)
  })

  test('a root that permits fewer CAs below it than there are', () => {
    const strict = openssl.issue({ extensions: [`${ca},pathlen:0`] })
    const below = openssl.issue({ extensions: caExtensions }, strict)
    const leaf = openssl.issue({ extensions: [san] }, below)
    expect(listProblems([leaf, below, strict])).toEqual([
      `the issuer "CN=${strict.name}" in CERT permits at most 0 further CAs below it, and there are 1`,
    ])
    expect(listProblems([openssl.issue({ extensions: [san] }, strict), strict])).toEqual([])
  })

  test('the signature of a root is checked by nobody', () => {
    const old = openssl.issue({ key: [rsa], options: ['-md5'], extensions: caExtensions })
    expect(listProblems([openssl.issue({ extensions: [san] }, old), old])).toEqual([])
  })
})

describe('a chain without its intermediate certificates is named', () => {
  const leaf = openssl.issue({ extensions: [san] }, intermediate)
  const lacks = [`CERT lacks the certificate of the issuer "CN=${intermediate.name}"`]

  test('with the certificate alone, with the root, and with others', () => {
    expect(listProblems([leaf])).toEqual(lacks)
    expect(listProblems([leaf, root])).toEqual(lacks)
    expect(listProblems([leaf, openssl.issue({ extensions: caExtensions })])).toEqual(lacks)
  })

  test('and that of a public CA has to lead to a root that browsers know', () => {
    const logged = '1.3.6.1.4.1.11129.2.4.2=DER:0402abcd'
    const issued = openssl.issue({ extensions: [san, logged] }, intermediate)
    expect(listProblems([issued, intermediate])).toEqual([
      `CERT lacks the certificate of the issuer "CN=${root.name}"`,
    ])
  })
})

test('an issuer that is not valid is named until it is', async () => {
  const authority = await createTestAuthority()
  const { certificate, key } = await authority.issue({
    names: ['pi'],
    notBefore: Date.UTC(2000, 0),
    notAfter: Date.UTC(2060, 0),
  })
  const pair = parseKeyPair({ cert: certificate + authority.certificate, key }, paths)
  const { findValidityProblem, findIssuerProblem } = reviewCertificate(pair, {
    file: 'CERT',
    publicName: null,
  })
  const problemAt = (year: number) => findIssuerProblem(Date.UTC(year, 0))
  expect(problemAt(2019)).toBe(
    'has an issuer, "CN=Test authority", that is not valid before 2020-01-01',
  )
  expect([2020, 2048].map(problemAt)).toEqual([null, null])
  expect(problemAt(2049)).toBe('has an issuer, "CN=Test authority", that expired on 2049-01-01')
  expect(findValidityProblem(Date.UTC(2049, 0))).toBe(problemAt(2049))
  expect(findValidityProblem(Date.UTC(2060, 0))).toBe('expired on 2060-01-01')
})
