import { afterAll, describe, expect, test } from 'bun:test'
import { createPrivateKey } from 'node:crypto'
import { parseKeyPair } from '../../src/tls/key-pair'
import { decodeText } from '../../src/tls/pem'
import { caExtensions, createOpenssl, type OpensslCertificate } from '../support/openssl'

const openssl = createOpenssl()
afterAll(() => openssl[Symbol.dispose]())
const paths = { cert: 'CERT', key: 'KEY' }
const extensions = ['subjectAltName=DNS:localhost']
const root = openssl.issue({ extensions: caExtensions })
const outer = openssl.issue({ extensions: caExtensions }, root)
const inner = openssl.issue({ extensions: caExtensions }, outer)
const leaf = openssl.issue({ extensions }, inner)
const foreign = openssl.issue({ extensions: caExtensions })
const chain = [leaf, inner, outer, root]
const ordered = join(chain)

function join(certificates: readonly OpensslCertificate[]): string {
  return certificates.map(({ cert }) => cert).join('')
}

describe('a chain is served in order, whatever the file', () => {
  test.each([
    ['in order', chain],
    ['upside down', chain.toReversed()],
    ['mixed', [outer, root, leaf, inner]],
    ['doubled', [...chain, ...chain]],
    ['each twice', chain.flatMap((part) => [part, part])],
    ['with others', [foreign, leaf, inner, foreign, outer, root, foreign]],
  ])('%s', (_, certificates) => {
    const pair = parseKeyPair({ cert: join(certificates), key: leaf.key }, paths)
    expect(pair.cert).toBe(ordered)
    expect(pair.chain.map(String).join('')).toBe(ordered)
    expect(pair.info.names).toEqual(['localhost'])
  })

  test('as far as it goes', () => {
    const texts = { cert: join([root, outer, leaf]), key: leaf.key }
    expect(parseKeyPair(texts, paths).cert).toBe(leaf.cert)
  })

  test('of two certificates of the key, with the one of a CA, and with the later one', () => {
    const renew = (days: number, issuer: OpensslCertificate | null) =>
      openssl.renew(leaf, { days, extensions }, issuer)
    const own = renew(300, null)
    const later = renew(60, inner)
    for (const certificates of [
      [own, leaf, later, inner],
      [later, inner, own, leaf],
    ]) {
      const pair = parseKeyPair({ cert: join(certificates), key: leaf.key }, paths)
      expect(pair.cert).toBe(join([later, inner]))
    }
  })

  test('of two certificates of one CA, with the later one', () => {
    const later = openssl.renew(inner, { days: 60, extensions: caExtensions }, outer)
    const cert = join([leaf, inner, later, outer])
    expect(parseKeyPair({ cert, key: leaf.key }, paths).cert).toBe(join([leaf, later, outer]))
  })
})

const pkcs8 = createPrivateKey(leaf.key).export({ type: 'pkcs8', format: 'pem' }).toString()
const sec1 = createPrivateKey(leaf.key).export({ type: 'sec1', format: 'pem' }).toString()

describe.each([
  ['a byte order mark', (text: string) => `\ufeff${text}`],
  ['CRLF', (text: string) => text.replaceAll('\n', '\r\n')],
  ['CR alone', (text: string) => text.replaceAll('\n', '\r')],
  ['no line ends', (text: string) => text.replaceAll('\n', '')],
  ['escaped line ends', (text: string) => text.replaceAll('\n', '\\n')],
  ['no last line end', (text: string) => text.trimEnd()],
  ['empty lines', (text: string) => text.replaceAll('\n', '\n\n')],
  ['spaces at both ends of each line', (text: string) => text.replaceAll('\n', ' \n\t ')],
  [
    'other text',
    (text: string) => `subject=CN = é\n\n${text}\nBag Attributes\n    friendlyName: ü\n`,
  ],
  [
    'keys and certificates of CAs in it',
    (text: string) => foreign.key + root.key + text + foreign.cert + ordered,
  ],
])('files with %s are put right:', (_, change) => {
  test.each([
    ['PKCS #8', pkcs8],
    ['SEC 1', sec1],
  ])('the key in %s', (_format, key) => {
    const pair = parseKeyPair({ cert: change(ordered), key: change(key) }, paths)
    expect({ cert: pair.cert, key: pair.key }).toEqual({ cert: ordered, key: pkcs8 })
  })
})

test.each([
  ['RSA', ['rsa:2048'], 'pkcs1'],
  ['P-384', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], 'sec1'],
] as const)('a key of %s in the format of old programs is used', (_, key, type) => {
  const { cert, key: pem } = openssl.issue({ key, extensions })
  const old = createPrivateKey(pem).export({ type, format: 'pem' }).toString()
  expect(parseKeyPair({ cert, key: old }, paths).key).toBe(pem)
})

test('parameters before a key of a curve are left out', () => {
  const parameters =
    '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n'
  expect(parseKeyPair({ cert: ordered, key: parameters + sec1 }, paths).key).toBe(pkcs8)
})

test.each(['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE'])(
  'certificates are read under the label %s',
  (label) => {
    const cert = ordered.replaceAll(' CERTIFICATE-', ` ${label}-`)
    expect(parseKeyPair({ cert, key: leaf.key }, paths).cert).toBe(ordered)
  },
)

test.each([
  ['UTF-8', (text: string) => Buffer.from(text)],
  ['UTF-8 with a mark', (text: string) => Buffer.from(`\ufeff${text}`)],
  ['UTF-16, little endian', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')],
  ['UTF-16, big endian', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
])('a file in %s is read', (_, encode) => {
  expect(decodeText(encode('é\n'))).toBe('é\n')
})

test('a file of PKCS #7 is refused with the command that converts it', () => {
  const cert = '-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n'
  expect(() => parseKeyPair({ cert, key: leaf.key }, paths)).toThrow(
    expect.objectContaining({
      message: 'CERT is a PKCS #7 file',
      hint: expect.stringContaining('openssl pkcs7'),
    }),
  )
})
