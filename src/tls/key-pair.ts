import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { KeyPair } from '../domain/certificates'
import { DomainError, errorMessage } from '../domain/errors'
import { permitsUsage, readCertificateFields } from './certificate-fields'
import { type CertificateInfo, parseCertificateInfo, parseChain } from './certificate-info'
import { orderChain } from './chain'
import { describeUnsupportedKey, supportedKeys } from './key-kinds'
import { parsePem } from './pem'

/** The paths of a certificate and its key, for messages. */
export interface KeyPairPaths {
  readonly cert: string
  readonly key: string
}

/** A certificate and key that a server can use, although clients may reject them: see certificate-problems.ts. */
export interface ServableKeyPair extends KeyPair {
  readonly info: CertificateInfo
  /** The certificates of `cert`. */
  readonly chain: readonly [X509Certificate, ...X509Certificate[]]
}

/**
 * Parses certificates and their key, and puts the chain in order: the texts may contain more than that. Throws `unavailable` if
 * no server could use them.
 */
export function parseKeyPair(texts: KeyPair, paths: KeyPairPaths): ServableKeyPair {
  const certificates = certificatesOf(texts, paths)
  const { key, chain } = matchKey(certificates, keysOf(texts, certificates, paths), paths)
  // Written again, without what else the files contain.
  const pair = {
    cert: chain.map((certificate) => certificate.toString()).join(''),
    key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
  try {
    createSecureContext(pair)
  } catch (cause) {
    throw unsupportedPair(chain[0], paths, errorMessage(cause))
  }
  return { ...pair, chain, info: parseCertificateInfo(pair.cert) }
}

function certificatesOf({ cert }: KeyPair, paths: KeyPairPaths): readonly X509Certificate[] {
  const certificates = readChain(cert, paths)
  if (certificates.length === 0) throw noCertificate(cert, paths.cert)
  return certificates
}

function readChain(cert: string, paths: KeyPairPaths): readonly X509Certificate[] {
  try {
    return parseChain(cert)
  } catch {
    throw unusablePair(
      `${paths.cert} contains a damaged certificate`,
      'copy the whole file again from where the certificate was issued',
    )
  }
}

function noCertificate(text: string, path: string): DomainError {
  const labels = parsePem(text).map(({ label }) => label)
  if (labels.some(isKeyLabel)) {
    return unusablePair(
      `${path} contains a key and no certificate`,
      'SNAILPASS_TLS_CERT names the certificate, SNAILPASS_TLS_KEY its key: are they swapped?',
    )
  }
  if (labels.includes('PKCS7')) {
    return unusablePair(
      `${path} is a PKCS #7 file`,
      `convert it to PEM with \`openssl pkcs7 -print_certs -in '${path}'\``,
    )
  }
  return unusablePair(
    `${path} contains no certificate in PEM format`,
    `PEM starts with -----BEGIN CERTIFICATE-----; convert DER to PEM with \`openssl x509 -inform der -in '${path}'\``,
  )
}

function isKeyLabel(label: string): boolean {
  return label.endsWith('PRIVATE KEY')
}

/** Returns the private keys of a text; at least one. */
function keysOf(
  { key: text }: KeyPair,
  [first]: readonly X509Certificate[],
  paths: KeyPairPaths,
): readonly KeyObject[] {
  const blocks = parsePem(text).filter(({ label }) => isKeyLabel(label))
  const keys = blocks.flatMap(({ label, der }) => {
    try {
      return [createPrivateKey(formatPem(label, der))]
    } catch {
      return []
    }
  })
  if (keys.length > 0) return keys
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw unusablePair(
      `${paths.key} is encrypted with a passphrase`,
      `a server can't ask for it: decrypt the key with \`openssl pkey -in '${paths.key}' -out KEY\`, and protect it with \`chmod 600 KEY\``,
    )
  }
  if (blocks.length > 0 && first !== undefined) requireReadableKey(first, paths)
  throw unusablePair(
    `${paths.key} contains no private key in PEM format`,
    'SNAILPASS_TLS_KEY names the key of the certificate; PEM starts with -----BEGIN PRIVATE KEY-----',
  )
}

function formatPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

/** Finds the key that belongs to one of the certificates, best to one that is not of a CA, and the chain of that one. */
function matchKey(
  certificates: readonly X509Certificate[],
  keys: readonly KeyObject[],
  paths: KeyPairPaths,
): { key: KeyObject; chain: ServableKeyPair['chain'] } {
  const found = keys.flatMap((key) => {
    const chain = orderChain(certificates, key)
    return chain === null ? [] : [{ key, chain }]
  })
  const best = found.find(({ chain }) => !chain[0].ca) ?? found[0]
  if (best !== undefined) return best
  const [first] = certificates
  if (first !== undefined) requireReadableKey(first, paths)
  throw unusablePair(
    `the key ${paths.key} does not belong to the certificate ${paths.cert}`,
    'use a certificate and its own key; the program that renews them writes both',
  )
}

function requireReadableKey(certificate: X509Certificate, paths: KeyPairPaths): void {
  try {
    void certificate.publicKey
  } catch (cause) {
    throw unsupportedPair(certificate, paths, errorMessage(cause))
  }
}

/** Returns the error for a pair that can't be served for `reason`, with what is wrong with the certificate if that is known. */
function unsupportedPair(
  certificate: X509Certificate,
  { cert }: KeyPairPaths,
  reason: string,
): DomainError {
  const key = describeUnsupportedKey(certificate)
  if (key === null && !permitsUsage(readCertificateFields(certificate), 'digitalSignature')) {
    return unusablePair(
      `can't use ${cert}: its key usage lacks digital signatures`,
      'have it issued as the certificate of a server, with the key usage digitalSignature',
    )
  }
  return unusablePair(
    `can't use ${cert}: ${key === null ? reason : `it has ${key}, which browsers do not support`}`,
    `have it issued for ${supportedKeys}`,
  )
}

function unusablePair(message: string, hint: string): DomainError {
  return new DomainError('unavailable', message, { hint })
}
