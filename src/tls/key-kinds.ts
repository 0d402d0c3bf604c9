import type { X509Certificate } from 'node:crypto'
import { readCertificateFields } from './certificate-fields'

/** What to ask a CA for. Every browser and client supports these. */
export const supportedKeys = 'an RSA key of at least 2048 bits, or an ECDSA key on P-256 or P-384'

const minRsaBits = 2048

const rsaId = '1.2.840.113549.1.1.1'
const ellipticId = '1.2.840.10045.2.1'
const supportedCurves = ['1.2.840.10045.3.1.7', '1.3.132.0.34']

/** Names of what browsers do not support, or not all of them. */
const names: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.10': 'RSASSA-PSS',
  '1.2.840.10040.4.1': 'DSA',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448',
  '1.2.840.10045.3.1.1': 'P-192',
  '1.3.132.0.10': 'secp256k1',
  '1.3.132.0.33': 'P-224',
  '1.3.132.0.35': 'P-521',
  '1.3.36.3.3.2.8.1.1.7': 'brainpoolP256r1',
  '1.3.36.3.3.2.8.1.1.11': 'brainpoolP384r1',
  '1.3.36.3.3.2.8.1.1.13': 'brainpoolP512r1',
}

/** Returns the key of a certificate in words, such as `an RSA key of 1024 bits`, if not all browsers accept it; else null. */
export function describeUnsupportedKey(certificate: X509Certificate): string | null {
  const { keyAlgorithm, keyParameters } = readCertificateFields(certificate)
  if (keyAlgorithm === rsaId) {
    const bits = rsaBits(certificate)
    if (bits === null) return 'an RSA key that no browser can read'
    return bits < minRsaBits ? `an RSA key of ${bits} bits` : null
  }
  if (keyAlgorithm !== ellipticId) return `a key of type ${names[keyAlgorithm] ?? keyAlgorithm}`
  if (keyParameters === null) return 'a key on a curve without a name'
  if (supportedCurves.includes(keyParameters)) return null
  return `a key on the curve ${names[keyParameters] ?? keyParameters}`
}

function rsaBits(certificate: X509Certificate): number | null {
  try {
    return certificate.publicKey.asymmetricKeyDetails?.modulusLength ?? null
  } catch {
    return null
  }
}
