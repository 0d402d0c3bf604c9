import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { DomainError, errorMessage } from '../domain/errors'
import { asCaller } from '../files/working-user'

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/**
 * Returns the certificates (PEM) of a file that the setting `name` names. Throws `invalid` if it can't be read, contains no
 * certificate or one that is damaged.
 */
export function readCaBundle(name: string, path: string): string {
  try {
    const certificates = asCaller(() => readFileSync(path, 'utf8')).match(certificatePattern) ?? []
    if (certificates.length === 0) throw new Error('it contains no certificate')
    for (const [index, certificate] of certificates.entries()) {
      if (!isCertificate(certificate)) throw new Error(`its certificate ${index + 1} is damaged`)
    }
    return certificates.map((certificate) => `${certificate}\n`).join('')
  } catch (cause) {
    throw new DomainError('invalid', `${name} (${path}) can't be used: ${errorMessage(cause)}`, {
      hint: 'name a PEM file with certificates that the user who runs snailpass can read',
      cause,
    })
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}
