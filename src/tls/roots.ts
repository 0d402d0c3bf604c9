import { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { parseChain } from './certificate-info'
import { isIssuedBy } from './key-pair'

/** By their subjects, of which some authorities have several. Read when they are first needed: it takes some milliseconds. */
let roots: ReadonlyMap<string, readonly X509Certificate[]> | null = null

/**
 * Whether a chain leads to an authority that browsers trust (Mozilla's list, as Bun brings it), so that it is trusted on devices
 * to which nothing was told. It is in the order of `parsePair`.
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
