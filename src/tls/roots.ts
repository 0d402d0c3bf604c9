import { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { parseChain } from './certificate-info'
import { isIssuedBy } from './key-pair'

/** Root certificates by subject; several may have the same. Parsed on first use, since that takes some milliseconds. */
let roots: ReadonlyMap<string, readonly X509Certificate[]> | null = null

/**
 * Whether browsers trust a certificate chain without further setup: whether it leads to a root of Mozilla's list, which Bun
 * contains. `pem` is the chain in the order that `parseKeyPair` requires.
 */
export function leadsToPublicRoot(pem: string): boolean {
  roots ??= Map.groupBy(
    rootCertificates.map((root) => new X509Certificate(root)),
    ({ subject }) => subject,
  )
  const known = roots
  return parseChain(pem).some((certificate) =>
    (known.get(certificate.issuer) ?? []).some((root) => isIssuedBy(certificate, root)),
  )
}
