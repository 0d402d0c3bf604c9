import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { DomainError, reasonOf } from '../domain/errors'
import { type CertificateFacts, factsOf, parseChain } from './facts'
import type { CertifiedKey } from './source'

/** The files of a certificate of somebody else's making. */
export interface PairPaths {
  readonly cert: string
  readonly key: string
}

/** A pair that servers can serve, if perhaps not at this time. */
export interface Pair extends CertifiedKey {
  readonly facts: CertificateFacts
}

/** Throws `unavailable` for what no server could serve, or clients would refuse whatever the time is. */
export function parsePair(texts: CertifiedKey, paths: PairPaths): Pair {
  const chain = chainOf(texts, paths)
  const [leaf] = chain
  if (leaf === undefined) throw noCertificate(texts.cert, paths.cert)
  const key = keyOf(texts, paths)
  requireFitting(chain, leaf, key, paths)
  requireOrder(chain, paths.cert)
  // Written anew: files that were joined by hand may lack a line end between two certificates.
  const cert = chain.map((certificate) => certificate.toString()).join('')
  try {
    createSecureContext({ cert, key: texts.key })
  } catch (cause) {
    throw unfit(
      `${paths.cert} can't be served: ${reasonOf(cause)}`,
      'have it made with an RSA key of 2048 bits at least, or an ECDSA key of P-256 or P-384',
    )
  }
  return { cert, key: texts.key, facts: factsOf(cert) }
}

function chainOf({ cert }: CertifiedKey, paths: PairPaths): readonly X509Certificate[] {
  try {
    return parseChain(cert)
  } catch {
    throw unfit(
      `${paths.cert} holds a damaged certificate`,
      'copy it again, whole, from who has made it',
    )
  }
}

function noCertificate(text: string, path: string): DomainError {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    return unfit(
      `${path} holds a key and no certificate`,
      'SNAILPASS_TLS_CERT names the certificate, SNAILPASS_TLS_KEY its key: are they swapped?',
    )
  }
  return unfit(
    `${path} holds no certificate in PEM`,
    `PEM begins with -----BEGIN CERTIFICATE-----; DER becomes PEM by \`openssl x509 -inform der -in '${path}'\``,
  )
}

function keyOf({ key }: CertifiedKey, paths: PairPaths): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(key)) {
    throw unfit(
      `${paths.key} is locked with a passphrase, which nobody could enter at a start`,
      `unlock it: \`openssl pkey -in '${paths.key}' -out KEY\`, and keep it from others with \`chmod 600 KEY\``,
    )
  }
  try {
    return createPrivateKey(key)
  } catch {
    throw unfit(
      `${paths.key} holds no private key in PEM`,
      'SNAILPASS_TLS_KEY names the key that the certificate was made for; PEM begins with -----BEGIN PRIVATE KEY-----',
    )
  }
}

function requireFitting(
  chain: readonly X509Certificate[],
  leaf: X509Certificate,
  key: KeyObject,
  paths: PairPaths,
): void {
  if (leaf.checkPrivateKey(key)) return
  if (chain.some((certificate) => certificate.checkPrivateKey(key))) {
    throw unfit(
      `${paths.cert} does not begin with the certificate of the server`,
      'put that first, then the one that has certified it, and so on',
    )
  }
  throw unfit(
    `the key ${paths.key} does not belong to the certificate ${paths.cert}`,
    'name a certificate and the key that it was made for; whoever renews them writes both',
  )
}

function requireOrder(chain: readonly X509Certificate[], path: string): void {
  for (const [index, issuer] of chain.entries()) {
    const below = chain[index - 1]
    if (below === undefined || isIssuedBy(below, issuer)) continue
    throw unfit(
      `certificate ${index + 1} of ${path} has not certified the one before it`,
      "put the server's certificate first, then the one that has certified it, and so on, and nothing else",
    )
  }
}

/** Whether one certificate was made by the authority of another one. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function unfit(message: string, hint: string): DomainError {
  return new DomainError('unavailable', message, { hint })
}
