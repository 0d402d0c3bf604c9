import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { KeyPair } from '../../domain/certificates'
import { DomainError, errorMessage } from '../../domain/errors'
import { minPlausibleTime } from '../../domain/known-time'
import type { Clock, Random } from '../../domain/runtime'
import { formatDate } from '../../domain/text'
import { readCertificateFields, readNameConstraints } from '../certificate-fields'
import { type CertificateInfo, parseCertificateInfo } from '../certificate-info'
import { loadX509 } from '../load-x509'
import type { TlsFolder } from './folder'
import { type AuthorityConstraints, constraintsFor } from './names'

/** The local certificate authority (CA): its certificate, its key, and the names that it may issue certificates for. */
export interface Authority extends KeyPair {
  readonly info: CertificateInfo
  readonly constraints: AuthorityConstraints
}

/** Certificates are valid from this many milliseconds before they are created, since the clocks of devices differ. */
export const clockSkewAllowance = 24 * 3600_000

/** Ten years, in milliseconds: a new CA has to be installed on every device by hand. */
const lifetime = 3652 * 24 * 3600_000

/**
 * Returns the CA of a folder, null if there is none. Throws `unavailable` if its files are damaged or incomplete: a new CA
 * must not silently replace it, since it would have to be installed on every device again.
 */
export async function findAuthority(folder: TlsFolder): Promise<Authority | null> {
  const { authorityCert, authorityKey, leaf } = folder
  if (!existsSync(authorityCert)) {
    // A key without a certificate is left by an interruption, or its certificate was lost: a new one is issued for the key.
    if (existsSync(authorityKey) || !existsSync(leaf)) return null
    throw unusableAuthority(
      `${authorityCert} and its key are missing, although ${leaf} shows that they existed`,
    )
  }
  const cert = readFileSync(authorityCert, 'utf8')
  if (!existsSync(authorityKey)) throw unusableAuthority(`${authorityKey} is missing`)
  const key = readFileSync(authorityKey, 'utf8')
  const info = parseAuthorityFile(authorityCert, 'certificate', () => parseCertificateInfo(cert))
  const certificate = new X509Certificate(cert)
  const constraints = parseAuthorityFile(authorityCert, 'certificate', () =>
    readNameConstraints(readCertificateFields(certificate)),
  )
  const privateKey = parseAuthorityFile(authorityKey, 'private key', () => createPrivateKey(key))
  if (!certificate.checkPrivateKey(privateKey)) {
    throw unusableAuthority(`${authorityKey} does not belong to ${authorityCert}`)
  }
  const isOurKind = isP256(privateKey) && certificate.ca
  if (!isOurKind || constraints === null) {
    throw unusableAuthority(
      `${authorityCert} is not a certificate authority that snailpass created`,
    )
  }
  return { cert, key, info, constraints }
}

/**
 * Returns a new CA for a folder, which is not saved yet: `saveAuthority` does that. A key without a certificate is used again
 * unless `isNewKey` is set: an operator who asks for a new CA may know that the key was stolen. Throws `unavailable` if the clock is obviously wrong, since the CA would be invalid once the clock is set.
 */
export async function createAuthority(
  folder: TlsFolder,
  {
    hostname,
    requested,
    isNewKey,
  }: {
    readonly hostname: string
    readonly requested: readonly string[]
    readonly isNewKey: boolean
  },
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Promise<Authority> {
  const now = clock()
  if (now < minPlausibleTime) {
    const time = new Date(now).toISOString()
    throw new DomainError('unavailable', `the clock of this machine is wrong: it shows ${time}`, {
      hint: 'set the clock, for example with `timedatectl set-ntp true`; certificates need the right time',
    })
  }
  const { createAuthorityCertificate, generateKey } = await loadX509()
  const existing = isNewKey ? null : findExistingKey(folder)
  const key = existing ?? (await generateKey())
  const constraints = constraintsFor(hostname, requested)
  const validity = { notBefore: now - clockSkewAllowance, notAfter: now + lifetime }
  const cert = await createAuthorityCertificate(key, { hostname, constraints, ...validity }, random)
  return { cert, key, constraints, info: parseCertificateInfo(cert) }
}

/**
 * Returns the error for a CA that is not valid yet, null if it is valid. Either the clock was ahead when the CA was created, or
 * it is behind now.
 */
export function notYetValidError(
  { info: { notBefore } }: Pick<Authority, 'info'>,
  now: number,
): DomainError | null {
  if (now >= notBefore) return null
  const [from, time] = [notBefore, now].map(formatDate)
  return new DomainError(
    'unavailable',
    `the certificate authority is not valid before ${from}, and the clock of this machine shows ${time}`,
    {
      hint: 'if the clock is wrong, set it, for example with `timedatectl set-ntp true`; if it was wrong when the certificate authority was created, create a new one with `snailpass tls renew --authority`, which every device has to install',
    },
  )
}

function findExistingKey({ authorityKey }: TlsFolder): string | null {
  if (!existsSync(authorityKey)) return null
  const key = readFileSync(authorityKey, 'utf8')
  if (isP256(parseAuthorityFile(authorityKey, 'private key', () => createPrivateKey(key))))
    return key
  throw unusableAuthority(`${authorityKey} contains a key of another type`)
}

function isP256({ asymmetricKeyDetails }: KeyObject): boolean {
  return asymmetricKeyDetails?.namedCurve === 'prime256v1'
}

/** Returns what `read` returns. Throws `unavailable` if `read` throws: the file does not contain a `what`. */
function parseAuthorityFile<T>(path: string, what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw unusableAuthority(`${path} contains no ${what}`, cause)
  }
}

function unusableAuthority(message: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', message, {
    hint: 'restore both files of the certificate authority from a copy, or with `snailpass restore --with-secrets`; if they are lost, create a new one with `snailpass tls renew --authority`, which every device has to install',
    ...(cause === undefined ? {} : { cause: new Error(errorMessage(cause)) }),
  })
}
