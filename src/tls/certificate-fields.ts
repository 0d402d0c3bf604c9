import type { X509Certificate } from 'node:crypto'
import { parseAddress } from '../domain/address'
import { derTags, readDer, readInteger, readObjectId, readSequence, requireDer } from './der'
import type { AuthorityConstraints } from './local/names'

/** What Node does not tell of a certificate (RFC 5280): the kind of its key, which Node may not know, and its extensions. */
export interface CertificateFields {
  /** Object identifier of the key's algorithm, and of its parameters, which name the curve of an EC key. */
  readonly keyAlgorithm: string
  readonly keyParameters: string | null
  /** By object identifier. */
  readonly extensions: ReadonlyMap<string, { isCritical: boolean; value: Uint8Array }>
}

const extensionIds = {
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  extendedKeyUsage: '2.5.29.37',
  tlsFeature: '1.3.6.1.5.5.7.1.24',
  signedTimestamps: '1.3.6.1.4.1.11129.2.4.2',
} as const

/** Positions in TBSCertificate, without the version, which is optional. */
const keyPosition = 5
const versionTag = 0xa0
const extensionsTag = 0xa3

/** Returns what Node does not tell of a certificate. Throws a RangeError if it is damaged. */
export function readCertificateFields({ raw }: Pick<X509Certificate, 'raw'>): CertificateFields {
  const { content } = requireDer(raw, derTags.sequence)
  const fields = readSequence(content)
  const [first] = fields
  const key = fields[keyPosition + (first?.tag === versionTag ? 1 : 0)]
  if (key === undefined) throw new RangeError('certificate without a key')
  const [algorithm, parameters] = readSequence(key.content)
  const list = fields.find(({ tag }) => tag === extensionsTag)
  return {
    keyAlgorithm: readObjectId(algorithm?.content ?? new Uint8Array()),
    keyParameters: parameters?.tag === derTags.objectId ? readObjectId(parameters.content) : null,
    extensions: new Map(list === undefined ? [] : readExtensions(list.content)),
  }
}

function readExtensions(bytes: Uint8Array) {
  return readSequence(bytes).map(({ content }) => {
    const parts = readDer(content)
    const [id] = parts
    const value = parts.at(-1)?.content ?? new Uint8Array()
    const isCritical = parts[1]?.tag === derTags.boolean && parts[1].content[0] !== 0
    return [readObjectId(id?.content ?? new Uint8Array()), { isCritical, value }] as const
  })
}

/** The bits of the key usage extension, counted from the first one. */
const usageBits = { digitalSignature: 0, keyCertSign: 5 } as const

/** Whether a key may be used for something: without the extension it may be used for everything. */
export function permitsUsage(
  { extensions }: CertificateFields,
  usage: keyof typeof usageBits,
): boolean {
  const extension = extensions.get(extensionIds.keyUsage)
  if (extension === undefined) return true
  // The first byte counts the unused bits of the last one.
  const [, bits = 0] = requireDer(extension.value, derTags.bitString).content
  return (bits & (0x80 >> usageBits[usage])) !== 0
}

/** Whether a certificate is for servers: without the extension it is for everything. */
export function permitsServers({ extensions }: CertificateFields): boolean {
  const extension = extensions.get(extensionIds.extendedKeyUsage)
  if (extension === undefined) return true
  const purposes = readSequence(extension.value)
  return purposes.some(({ content }) => readObjectId(content) === '1.3.6.1.5.5.7.3.1')
}

/** Whether a certificate is that of a CA, and how many CAs may stand below it; null for any number. */
export function readBasicConstraints({ extensions }: CertificateFields) {
  const extension = extensions.get(extensionIds.basicConstraints)
  const parts = extension === undefined ? [] : readSequence(extension.value)
  const length = parts.find(({ tag }) => tag === derTags.integer)
  return {
    isCa: parts.some(({ tag, content }) => tag === derTags.boolean && content[0] !== 0),
    maxCasBelow: length === undefined ? null : readInteger(length.content),
  }
}

/** Whether a public log contains the certificate (RFC 6962), as browsers demand of public CAs. */
export function isLoggedPublicly({ extensions }: CertificateFields): boolean {
  return extensions.has(extensionIds.signedTimestamps)
}

/** Whether a certificate is valid only with a stapled OCSP response (RFC 7633). */
export function requiresStapling({ extensions }: CertificateFields): boolean {
  const extension = extensions.get(extensionIds.tlsFeature)
  if (extension === undefined) return false
  const features = readSequence(extension.value)
  return features.some(({ content }) => readInteger(content) === 5)
}

/** Returns the name constraints of a CA certificate; null if it has none, or if clients may ignore them. */
export function readNameConstraints({
  extensions,
}: CertificateFields): AuthorityConstraints | null {
  const extension = extensions.get(extensionIds.nameConstraints)
  if (extension === undefined || !extension.isCritical) return null
  const parts = readSequence(extension.value)
  const permitted = parts.find(({ tag }) => tag === 0xa0)
  const subtrees = permitted === undefined ? [] : readDer(permitted.content)
  const bases = subtrees.flatMap(({ content }) => readDer(content).slice(0, 1))
  const domains = bases.filter(({ tag }) => tag === 0x82)
  const networks = bases.filter(({ tag }) => tag === 0x87)
  // Without a constraint for one kind of name, every name of that kind is permitted.
  if (domains.length === 0 || networks.length === 0) return null
  return {
    domains: domains.map(({ content }) => Buffer.from(content).toString('latin1')),
    networks: networks.map(({ content }) => formatNetwork(content)),
  }
}

/** Returns a network in CIDR notation from its address and mask. */
function formatNetwork(bytes: Uint8Array): string {
  const [address, mask] = [bytes.subarray(0, bytes.length / 2), bytes.subarray(bytes.length / 2)]
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const text =
    address.length === 4
      ? address.join('.')
      : (Buffer.from(address).toString('hex').match(/.{4}/g) ?? []).join(':')
  return `${parseAddress(text) ?? text}/${bits.indexOf('0') === -1 ? bits.length : bits.indexOf('0')}`
}
