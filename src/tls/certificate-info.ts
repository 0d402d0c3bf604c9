import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { parseAddress } from '../domain/address'
import { isCertificateBlock, parsePem } from './pem'

/** What is shown of a certificate. */
export interface CertificateInfo {
  /** The subject, in one line. */
  readonly subject: string
  /** The issuer, in one line. */
  readonly issuer: string
  /** The names and IP addresses that the certificate is for. */
  readonly names: readonly string[]
  /** The validity period, in milliseconds since 1970 (UTC). */
  readonly notBefore: number
  readonly notAfter: number
  /** SHA-256 fingerprint, as pairs of hexadecimal digits separated by colons. */
  readonly sha256: string
}

/** Returns the certificates of a PEM text, in its order. Throws the parser's error for a damaged one. */
export function parseChain(pem: string): readonly X509Certificate[] {
  return parsePem(pem)
    .filter(isCertificateBlock)
    .map(({ der }) => new X509Certificate(der))
}

/** Returns what is shown of the first certificate of a PEM text. Throws if there is none. */
export function parseCertificateInfo(pem: string): CertificateInfo {
  const [leaf] = parseChain(pem)
  if (leaf === undefined) throw new Error('no certificate')
  return {
    subject: joinLines(leaf.subject),
    issuer: joinLines(leaf.issuer),
    names: subjectAltNames(leaf),
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
    sha256: leaf.fingerprint256,
  }
}

/** Returns a certificate as DER, the format that phones install. */
export function derOf(pem: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new X509Certificate(pem).raw)
}

/**
 * Whether a certificate is for a name or IP address, in the form of `parseName`. A wildcard stands for one label (RFC 9525,
 * section 6.3).
 */
export function isIssuedFor(name: string, { names }: Pick<CertificateInfo, 'names'>): boolean {
  if (names.includes(name)) return true
  return isIP(name) === 0 && names.includes(name.replace(/^[^.]+/, '*'))
}

/**
 * Parses Node's form of subject alternative names: `DNS:pi.local, IP Address:10.0.0.2`. An address that is written as a name
 * is left out, because clients compare addresses with addresses alone.
 */
function subjectAltNames({ subjectAltName = '' }: X509Certificate): readonly string[] {
  return subjectAltName.split(', ').flatMap((part) => {
    const { kind, value = '' } = /^(?<kind>DNS|IP Address):(?<value>.+)$/.exec(part)?.groups ?? {}
    if (kind === undefined || (kind === 'DNS' && isIP(value) !== 0)) return []
    return [kind === 'DNS' ? value.toLowerCase() : (parseAddress(value) ?? value)]
  })
}

function joinLines(name: string): string {
  return name.split('\n').join(', ')
}
