import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { parseAddress } from '../domain/address'

/** What people are told of a certificate. */
export interface CertificateInfo {
  /** Its subject, in one line. */
  readonly subject: string
  readonly issuer: string
  /** Names and addresses that it is for. */
  readonly names: readonly string[]
  /** Milliseconds since 1970 (UTC), both. */
  readonly notBefore: number
  readonly notAfter: number
  /** SHA-256 of it, as pairs of hexadecimal digits with colons between them. */
  readonly sha256: string
}

const certificatePattern = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

/** The certificates of a PEM file, in its order. Throws what is said of one that is none. */
export function parseChain(pem: string): readonly X509Certificate[] {
  return (pem.match(certificatePattern) ?? []).map((block) => new X509Certificate(block))
}

/** The first certificate of a PEM file. Throws for one that has none. */
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

/** The certificate as DER, which is what phones take. */
export function derOf(pem: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new X509Certificate(pem).raw)
}

/** Whether a certificate is for a name or address, as `parseName` writes it. A star stands for one label (RFC 9525, section 6.3). */
export function isIssuedFor(name: string, { names }: Pick<CertificateInfo, 'names'>): boolean {
  if (names.includes(name)) return true
  return isIP(name) === 0 && names.includes(name.replace(/^[^.]+/, '*'))
}

/** `DNS:pi.local, IP Address:10.0.0.2`, as Node writes them. */
function subjectAltNames({ subjectAltName = '' }: X509Certificate): readonly string[] {
  return subjectAltName.split(', ').flatMap((part) => {
    const { kind, value = '' } = /^(?<kind>DNS|IP Address):(?<value>.+)$/.exec(part)?.groups ?? {}
    if (kind === undefined) return []
    return [kind === 'DNS' ? value.toLowerCase() : (parseAddress(value) ?? value)]
  })
}

function joinLines(name: string): string {
  return name.split('\n').join(', ')
}
