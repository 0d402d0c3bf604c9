import { DomainError } from '../domain/errors'
import { type CertificateFacts, isFor } from './facts'
import { parsePair } from './pair'
import { leadsToPublicRoot } from './roots'
import type { CertifiedKey } from './source'

/** A certificate of an authority, with its key. */
export interface Issued extends CertifiedKey {
  readonly facts: CertificateFacts
  /** Whether browsers trust it, as far as the roots that come with the program tell. */
  readonly isPublic: boolean
}

/** Reads a pair; null for one that no server could serve, or that lacks one of the names. */
export function parseIssued(texts: CertifiedKey, names: readonly string[]): Issued | null {
  const issued = parseServable(texts)
  return issued !== null && lackedBy(issued, names).length === 0 ? issued : null
}

/** Reads a pair, for whichever names; null for one that no server could serve. */
export function parseServable(texts: CertifiedKey): Issued | null {
  try {
    const pair = parsePair(texts, { cert: 'the certificate', key: 'the key' })
    return { ...pair, isPublic: leadsToPublicRoot(pair.cert) }
  } catch (error) {
    if (error instanceof DomainError) return null
    throw error
  }
}

/** Those of the names that a certificate is not for. */
export function lackedBy({ facts }: Issued, names: readonly string[]): readonly string[] {
  return names.filter((name) => !isFor(name, facts))
}
