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
  try {
    const pair = parsePair(texts, { cert: 'the certificate', key: 'the key' })
    if (!names.every((name) => isFor(name, pair.facts))) return null
    return { ...pair, isPublic: leadsToPublicRoot(pair.cert) }
  } catch (error) {
    if (error instanceof DomainError) return null
    throw error
  }
}
