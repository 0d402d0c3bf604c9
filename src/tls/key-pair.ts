import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { KeyPair } from '../domain/certificates'
import { DomainError, errorMessage } from '../domain/errors'
import { type CertificateInfo, parseCertificateInfo, parseChain } from './certificate-info'

/** The paths of a certificate and its key, for messages. */
export interface KeyPairPaths {
  readonly cert: string
  readonly key: string
}

/** A certificate and key that a server can use, although they may be expired or not valid yet. */
export interface ServableKeyPair extends KeyPair {
  readonly info: CertificateInfo
}

/** Parses a certificate chain and its key. Throws `unavailable` if no server could use them, or every client would reject them. */
export function parseKeyPair(texts: KeyPair, paths: KeyPairPaths): ServableKeyPair {
  const chain = chainOf(texts, paths)
  const [leaf] = chain
  if (leaf === undefined) throw noCertificate(texts.cert, paths.cert)
  const key = keyOf(texts, paths)
  requireMatchingKey(chain, leaf, key, paths)
  requireChainOrder(chain, paths.cert)
  // Written again from the parsed certificates: files that were joined by hand may lack a newline between two of them.
  const cert = chain.map((certificate) => certificate.toString()).join('')
  try {
    createSecureContext({ cert, key: texts.key })
  } catch (cause) {
    throw unusablePair(
      `can't use ${paths.cert}: ${errorMessage(cause)}`,
      'have it issued for an RSA key of at least 2048 bits, or an ECDSA key on P-256 or P-384',
    )
  }
  return { cert, key: texts.key, info: parseCertificateInfo(cert) }
}

function chainOf({ cert }: KeyPair, paths: KeyPairPaths): readonly X509Certificate[] {
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
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    return unusablePair(
      `${path} contains a key and no certificate`,
      'SNAILPASS_TLS_CERT names the certificate, SNAILPASS_TLS_KEY its key: are they swapped?',
    )
  }
  return unusablePair(
    `${path} contains no certificate in PEM format`,
    `PEM starts with -----BEGIN CERTIFICATE-----; convert DER to PEM with \`openssl x509 -inform der -in '${path}'\``,
  )
}

function keyOf({ key }: KeyPair, paths: KeyPairPaths): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(key)) {
    throw unusablePair(
      `${paths.key} is encrypted with a passphrase`,
      `a server can't ask for it: decrypt the key with \`openssl pkey -in '${paths.key}' -out KEY\`, and protect it with \`chmod 600 KEY\``,
    )
  }
  try {
    return createPrivateKey(key)
  } catch {
    throw unusablePair(
      `${paths.key} contains no private key in PEM format`,
      'SNAILPASS_TLS_KEY names the key of the certificate; PEM starts with -----BEGIN PRIVATE KEY-----',
    )
  }
}

function requireMatchingKey(
  chain: readonly X509Certificate[],
  leaf: X509Certificate,
  key: KeyObject,
  paths: KeyPairPaths,
): void {
  if (leaf.checkPrivateKey(key)) return
  if (chain.some((certificate) => certificate.checkPrivateKey(key))) {
    throw unusablePair(
      `${paths.cert} does not start with the server's certificate`,
      'put it first, then the certificate of its issuer, and so on',
    )
  }
  throw unusablePair(
    `the key ${paths.key} does not belong to the certificate ${paths.cert}`,
    'use a certificate and its own key; the program that renews them writes both',
  )
}

function requireChainOrder(chain: readonly X509Certificate[], path: string): void {
  for (const [index, issuer] of chain.entries()) {
    const below = chain[index - 1]
    if (below === undefined || isIssuedBy(below, issuer)) continue
    throw unusablePair(
      `certificate ${index + 1} of ${path} is not the issuer of the one before it`,
      "put the server's certificate first, then the certificate of its issuer, and so on, and nothing else",
    )
  }
}

/** Whether a certificate was issued and signed by the owner of another one. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function unusablePair(message: string, hint: string): DomainError {
  return new DomainError('unavailable', message, { hint })
}
