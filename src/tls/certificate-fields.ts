import type { X509Certificate } from 'node:crypto'
import { parseAddress } from '../domain/address'
import { derTags, readDer, readObjectId, readSequence, requireDer } from './der'
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
  nameConstraints: '2.5.29.30',
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
