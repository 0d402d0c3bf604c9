import type { KeyPair } from '../../domain/certificates'
import { DomainError } from '../../domain/errors'
import { type CertificateInfo, isIssuedFor } from '../certificate-info'
import { parseKeyPair } from '../key-pair'
import { leadsToPublicRoot } from '../roots'

/** A certificate that a CA issued, with its key. */
export interface IssuedCertificate extends KeyPair {
  readonly info: CertificateInfo
  /** Whether browsers trust it, according to the root certificates that this program contains. */
  readonly isPubliclyTrusted: boolean
}

/** Parses a certificate and key. Returns null if no server could use them, or if the certificate lacks one of the names. */
export function parseCertificateForNames(
  texts: KeyPair,
  names: readonly string[],
): IssuedCertificate | null {
  const issued = parseIssuedCertificate(texts)
  return issued !== null && missingNames(issued, names).length === 0 ? issued : null
}

/** Parses a certificate and key. Returns null if no server could use them. */
export function parseIssuedCertificate(texts: KeyPair): IssuedCertificate | null {
  try {
    const pair = parseKeyPair(texts, { cert: 'the certificate', key: 'the key' })
    return { ...pair, isPubliclyTrusted: leadsToPublicRoot(pair.cert) }
  } catch (error) {
    if (error instanceof DomainError) return null
    throw error
  }
}

/** Returns those of the names that a certificate is not for. */
export function missingNames(
  { info }: IssuedCertificate,
  names: readonly string[],
): readonly string[] {
  return names.filter((name) => !isIssuedFor(name, info))
}
