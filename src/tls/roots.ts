import { X509Certificate } from 'node:crypto'
import { getCACertificates, rootCertificates } from 'node:tls'
import { parseChain } from './certificate-info'
import { isIssuedBy } from './chain'

/** Root certificates by subject; several may have the same. Parsed on first use, since that takes some milliseconds. */
let roots: ReadonlyMap<string, readonly X509Certificate[]> | null = null

/**
 * Returns the part of a chain that browsers check: its certificates up to the first that a root of Mozilla's list, which Bun
 * contains, has issued. Null if there is none: then browsers trust the chain only after further setup.
 */
export function findPublicPart(
  chain: readonly X509Certificate[],
): readonly X509Certificate[] | null {
  roots ??= Map.groupBy(
    rootCertificates.map((root) => new X509Certificate(root)),
    ({ subject }) => subject,
  )
  const known = roots
  const index = chain.findIndex((certificate) =>
    (known.get(certificate.issuer) ?? []).some((root) => isIssuedBy(certificate, root)),
  )
  return index === -1 ? null : chain.slice(0, index + 1)
}

/** Whether browsers trust the certificate chain of a PEM text without further setup. */
export function leadsToPublicRoot(pem: string): boolean {
  return findPublicPart(parseChain(pem)) !== null
}

/** Whether the owner of a certificate in this machine's own list of CAs has issued another one. */
export function isIssuedBySystemRoot(certificate: X509Certificate): boolean {
  return getCACertificates('system').some((pem) => {
    const root = new X509Certificate(pem)
    return root.subject === certificate.issuer && isIssuedBy(certificate, root)
  })
}
