import type { KeyObject, X509Certificate } from 'node:crypto'

/** Whether a certificate was issued and signed by the owner of another one. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && verifySignature(certificate, issuer) === true
}

/** Whether a certificate is signed with its own key, as those of root CAs are. */
export function isSelfSigned(certificate: X509Certificate): boolean {
  return fitsIssuer(certificate, certificate)
}

/**
 * Returns the certificates of a file as servers have to send them (RFC 8446, section 4.4.2): the one of the key, then its
 * issuer, and so on. Null if none belongs to the key. Doubled and foreign certificates are left out. Of several that
 * fit, the one that expires last is taken, and a self-signed one for the key only if there is no other.
 */
export function orderChain(
  certificates: readonly X509Certificate[],
  key: KeyObject,
): [X509Certificate, ...X509Certificate[]] | null {
  const own = certificates.filter((certificate) => certificate.checkPrivateKey(key))
  const leaf = lastToExpire(own.filter((one) => !isSelfSigned(one))) ?? lastToExpire(own)
  if (leaf === null) return null
  const chain: [X509Certificate, ...X509Certificate[]] = [leaf]
  for (let last = leaf; !isSelfSigned(last); ) {
    const next = lastToExpire(
      certificates.filter((other) => !includes(chain, other) && fitsIssuer(last, other)),
    )
    if (next === null) break
    chain.push(next)
    last = next
  }
  return chain
}

/**
 * Whether one certificate is the issuer of another as far as this can be told: not every signature and key that is found in
 * files can be verified here, and those are reported later by what is wrong with them.
 */
function fitsIssuer(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return (
    certificate.issuer.toLowerCase() === issuer.subject.toLowerCase() &&
    verifySignature(certificate, issuer) !== false
  )
}

/** Returns null for a signature or a key of a kind that can't be verified here. */
function verifySignature(certificate: X509Certificate, issuer: X509Certificate): boolean | null {
  try {
    if (certificate.verify(issuer.publicKey)) return true
  } catch {
    return null
  }
  return /md[245]|pss/i.test(certificate.signatureAlgorithm ?? '') ? null : false
}

function includes(chain: readonly X509Certificate[], certificate: X509Certificate): boolean {
  return chain.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256)
}

function lastToExpire(certificates: readonly X509Certificate[]): X509Certificate | null {
  return certificates.reduce<X509Certificate | null>((best, certificate) => {
    const isLater = best === null || Date.parse(certificate.validTo) > Date.parse(best.validTo)
    return isLater ? certificate : best
  }, null)
}
