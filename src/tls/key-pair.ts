import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { KeyPair } from '../domain/certificates'
import { DomainError, errorMessage } from '../domain/errors'
import { type CertificateInfo, parseCertificateInfo, parseChain } from './certificate-info'

/** The files of a certificate of somebody else's making. */
export interface KeyPairPaths {
  readonly cert: string
  readonly key: string
}

/** A pair that servers can serve, if perhaps not at this time. */
export interface ServableKeyPair extends KeyPair {
  readonly info: CertificateInfo
}

/** Throws `unavailable` for what no server could serve, or clients would refuse whatever the time is. */
export function parseKeyPair(texts: KeyPair, paths: KeyPairPaths): ServableKeyPair {
  const chain = chainOf(texts, paths)
  const [leaf] = chain
  if (leaf === undefined) throw noCertificate(texts.cert, paths.cert)
  const key = keyOf(texts, paths)
  requireMatchingKey(chain, leaf, key, paths)
  requireChainOrder(chain, paths.cert)
  // Written anew: files that were joined by hand may lack a line end between two certificates.
  const cert = chain.map((certificate) => certificate.toString()).join('')
  try {
    createSecureContext({ cert, key: texts.key })
  } catch (cause) {
    throw unusablePair(
      `${paths.cert} can't be served: ${errorMessage(cause)}`,
      'have it made with an RSA key of 2048 bits at least, or an ECDSA key of P-256 or P-384',
    )
  }
  return { cert, key: texts.key, info: parseCertificateInfo(cert) }
}

function chainOf({ cert }: KeyPair, paths: KeyPairPaths): readonly X509Certificate[] {
  try {
    return parseChain(cert)
  } catch {
    throw unusablePair(
      `${paths.cert} holds a damaged certificate`,
      'copy it again, whole, from who has made it',
    )
  }
}

function noCertificate(text: string, path: string): DomainError {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    return unusablePair(
      `${path} holds a key and no certificate`,
      'SNAILPASS_TLS_CERT names the certificate, SNAILPASS_TLS_KEY its key: are they swapped?',
    )
  }
  return unusablePair(
    `${path} holds no certificate in PEM`,
    `PEM begins with -----BEGIN CERTIFICATE-----; DER becomes PEM by \`openssl x509 -inform der -in '${path}'\``,
  )
}

function keyOf({ key }: KeyPair, paths: KeyPairPaths): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(key)) {
    throw unusablePair(
      `${paths.key} is locked with a passphrase, which nobody could enter at a start`,
      `unlock it: \`openssl pkey -in '${paths.key}' -out KEY\`, and keep it from others with \`chmod 600 KEY\``,
    )
  }
  try {
    return createPrivateKey(key)
  } catch {
    throw unusablePair(
      `${paths.key} holds no private key in PEM`,
      'SNAILPASS_TLS_KEY names the key that the certificate was made for; PEM begins with -----BEGIN PRIVATE KEY-----',
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
      `${paths.cert} does not begin with the certificate of the server`,
      'put that first, then the one that has certified it, and so on',
    )
  }
  throw unusablePair(
    `the key ${paths.key} does not belong to the certificate ${paths.cert}`,
    'name a certificate and the key that it was made for; whoever renews them writes both',
  )
}

function requireChainOrder(chain: readonly X509Certificate[], path: string): void {
  for (const [index, issuer] of chain.entries()) {
    const below = chain[index - 1]
    if (below === undefined || isIssuedBy(below, issuer)) continue
    throw unusablePair(
      `certificate ${index + 1} of ${path} has not certified the one before it`,
      "put the server's certificate first, then the one that has certified it, and so on, and nothing else",
    )
  }
}

/** Whether one certificate was made by the authority of another one. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function unusablePair(message: string, hint: string): DomainError {
  return new DomainError('unavailable', message, { hint })
}
