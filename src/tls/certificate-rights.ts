import type { X509Certificate } from 'node:crypto'
import { sanitizeLine } from '../domain/text'
import {
  type CertificateFields,
  permitsServers,
  permitsUsage,
  readBasicConstraints,
  readCertificateFields,
  requiresStapling,
} from './certificate-fields'
import { isSelfSigned } from './chain'
import { describeUnsupportedKey, supportedKeys } from './key-kinds'

/** Why clients may reject a certificate, and what to do about it. */
export interface CertificateProblem {
  readonly what: string
  readonly why: string
  readonly fix: string
}

/** Signatures that every browser accepts. RSASSA-PSS is not among them. */
const supportedSignature = /^(?:sha(?:256|384|512)WithRSAEncryption|ecdsa-with-SHA(?:256|384|512))$/

const rejected = 'browsers and clients reject it'
const partlyRejected = 'not all browsers and clients accept it'

/** Returns what `review` returns; one problem for extensions that it can't read. */
function reviewExtensions(
  name: string,
  review: () => readonly CertificateProblem[],
): readonly CertificateProblem[] {
  try {
    return review()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return [{ what: `${name} has damaged extensions`, why: rejected, fix: 'have it issued again' }]
  }
}

/** Reviews key, signature and extensions of the server's own certificate. */
export function reviewLeaf(leaf: X509Certificate, file: string): readonly CertificateProblem[] {
  const name = `the certificate ${file}`
  return reviewExtensions(name, () => listLeafProblems(leaf, name))
}

function listLeafProblems(leaf: X509Certificate, name: string): readonly CertificateProblem[] {
  const fields = readCertificateFields(leaf)
  const problems = [...reviewKey(leaf, name), ...reviewSignature(leaf, name)]
  const reissue = 'have it issued as the certificate of a server'
  // The one that most tools make for a machine by itself is a CA as well.
  if (readBasicConstraints(fields).isCa && !isSelfSigned(leaf)) {
    problems.push({ what: `${name} is that of a CA`, why: partlyRejected, fix: reissue })
  }
  if (!permitsUsage(fields, 'digitalSignature')) {
    problems.push({
      what: `the key usage of ${name} lacks digital signatures`,
      why: rejected,
      fix: `${reissue}, with the key usage digitalSignature`,
    })
  }
  if (!permitsServers(fields)) {
    problems.push({
      what: `the extended key usage of ${name} lacks servers`,
      why: rejected,
      fix: `${reissue}, with the extended key usage serverAuth`,
    })
  }
  if (requiresStapling(fields)) {
    problems.push({
      what: `${name} requires OCSP stapling, which this server does not support`,
      why: partlyRejected,
      fix: 'have it issued without "must staple"',
    })
  }
  return problems
}

function reviewKey(certificate: X509Certificate, name: string): CertificateProblem[] {
  const key = describeUnsupportedKey(certificate)
  if (key === null) return []
  return [
    { what: `${name} has ${key}`, why: partlyRejected, fix: `have it issued for ${supportedKeys}` },
  ]
}

function reviewSignature(certificate: X509Certificate, name: string): CertificateProblem[] {
  const signature = certificate.signatureAlgorithm ?? 'an unknown algorithm'
  if (supportedSignature.test(signature)) return []
  return [
    {
      what: `${name} is signed with ${signature}`,
      why: partlyRejected,
      fix: 'have it issued with a signature of RSA or ECDSA with SHA-256',
    },
  ]
}

/** Reviews the issuer that stands at an index among the issuers, the first of which issued the server's certificate. */
export function reviewIssuer(
  issuer: X509Certificate,
  index: number,
  file: string,
): readonly CertificateProblem[] {
  const name = `the issuer ${formatDistinguishedName(issuer.subject)} in ${file}`
  return reviewExtensions(name, () => listIssuerProblems(issuer, index, name))
}

function listIssuerProblems(
  issuer: X509Certificate,
  index: number,
  name: string,
): readonly CertificateProblem[] {
  const problems = [
    ...reviewKey(issuer, name),
    // Nobody checks the signature of a root.
    ...(isSelfSigned(issuer) ? [] : reviewSignature(issuer, name)),
  ]
  const missing = findMissingRight(readCertificateFields(issuer), index)
  if (missing === null) return problems
  const fix = 'have the certificate issued by a CA for servers'
  return [
    ...problems,
    { what: `${name} ${missing}`, why: 'browsers and clients reject its certificates', fix },
  ]
}

/** Returns what a CA certificate does not permit although it is needed; null for nothing. */
function findMissingRight(fields: CertificateFields, casBelow: number): string | null {
  const { isCa, maxCasBelow } = readBasicConstraints(fields)
  if (!isCa) return 'is not a CA'
  if (!permitsUsage(fields, 'keyCertSign')) return 'may not sign certificates by its key usage'
  if (!permitsServers(fields))
    return 'may not issue certificates of servers by its extended key usage'
  if (maxCasBelow === null || casBelow <= maxCasBelow) return null
  return `permits at most ${maxCasBelow} further CAs below it, and there are ${casBelow}`
}

/** Returns a distinguished name in quotes, in one line. */
export function formatDistinguishedName(name: string): string {
  return `"${sanitizeLine(name.split('\n').join(', '))}"`
}
