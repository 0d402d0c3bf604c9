import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { KeyPair } from '../../domain/certificates'
import { DomainError, errorMessage } from '../../domain/errors'
import type { Clock, Random } from '../../domain/runtime'
import { formatDate } from '../../domain/text'
import { writeGroupAtomic } from '../../files/atomic-file'
import { type CertificateInfo, parseCertificateInfo } from '../certificate-info'
import { loadX509 } from '../load-x509'
import type { TlsFolder } from './folder'
import { type AuthorityConstraints, constraintsFor } from './names'

/** A certificate authority of this machine's own. */
export interface Authority extends KeyPair {
  readonly info: CertificateInfo
  readonly constraints: AuthorityConstraints
}

/** Milliseconds that pass for valid before a certificate was made: clocks differ. */
export const clockSkewAllowance = 24 * 3600_000

/** Ten years: every device has to be given the next one by hand. In milliseconds. */
const lifetime = 3652 * 24 * 3600_000

/** The program is younger than any clock that says so little. */
const minPlausibleTime = Date.parse('2026-01-01T00:00:00Z')

/**
 * The authority of a folder, null where there is none. Throws `unavailable` for files that hold something else, or half of it:
 * another one in their place would have to be installed on every device again.
 */
export async function findAuthority(folder: TlsFolder): Promise<Authority | null> {
  const { authorityCert, authorityKey, leaf } = folder
  if (!existsSync(authorityCert)) {
    // A key alone is what is left by whoever was interrupted, or of a certificate that was lost: it is certified again.
    if (existsSync(authorityKey) || !existsSync(leaf)) return null
    throw unusableAuthority(
      `${authorityCert} is gone with its key, and ${leaf} shows that they were there`,
    )
  }
  const cert = readFileSync(authorityCert, 'utf8')
  if (!existsSync(authorityKey)) throw unusableAuthority(`${authorityKey} is missing`)
  const key = readFileSync(authorityKey, 'utf8')
  const { constraintsOf } = await loadX509()
  const info = parseAuthorityFile(authorityCert, 'certificate', () => parseCertificateInfo(cert))
  const constraints = parseAuthorityFile(authorityCert, 'certificate', () => constraintsOf(cert))
  const privateKey = parseAuthorityFile(authorityKey, 'private key', () => createPrivateKey(key))
  const certificate = new X509Certificate(cert)
  if (!certificate.checkPrivateKey(privateKey)) {
    throw unusableAuthority(`${authorityKey} does not belong to ${authorityCert}`)
  }
  const isOurKind = isP256(privateKey) && certificate.ca
  if (!isOurKind || constraints === null) {
    throw unusableAuthority(`${authorityCert} is no authority that snailpass has made`)
  }
  return { cert, key, info, constraints }
}

/**
 * Makes the authority of a folder, in the place of whatever is there, which stays until all is made. A key without a
 * certificate is certified again, unless a new one is asked for: whoever asks may know that it was stolen. Throws `unavailable`
 * where the clock can't be right: the authority would be invalid once it is.
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
    throw new DomainError('unavailable', `the clock of this machine says that it is ${time}`, {
      hint: 'set it, as with `timedatectl set-ntp true`: certificates would be of the wrong time',
    })
  }
  const { createAuthorityCertificate, generateKey } = await loadX509()
  const existing = isNewKey ? null : findExistingKey(folder)
  const key = existing ?? (await generateKey())
  const constraints = constraintsFor(hostname, requested)
  const validity = { notBefore: now - clockSkewAllowance, notAfter: now + lifetime }
  const cert = await createAuthorityCertificate(key, { hostname, constraints, ...validity }, random)
  const files = [
    // First: alone, it is certified again.
    { path: folder.authorityKey, text: key },
    { path: folder.authorityCert, text: cert },
  ]
  // A certificate of the former authority would be nobody's.
  writeGroupAtomic(files, [folder.leaf])
  return { cert, key, constraints, info: parseCertificateInfo(cert) }
}

/**
 * What is to be said of an authority that is not valid yet, null for one that is: it was made while the clock was ahead, or the
 * clock is behind now.
 */
export function notYetValidError(
  { info: { notBefore } }: Pick<Authority, 'info'>,
  now: number,
): DomainError | null {
  if (now >= notBefore) return null
  const [from, time] = [notBefore, now].map(formatDate)
  return new DomainError(
    'unavailable',
    `the certificate authority is not valid before ${from}, and the clock of this machine says ${time}`,
    {
      hint: 'if the clock is wrong, set it, as with `timedatectl set-ntp true`; if it was wrong when the authority was made, `snailpass tls renew --authority` makes a new one, which every device has to install',
    },
  )
}

function findExistingKey({ authorityKey }: TlsFolder): string | null {
  if (!existsSync(authorityKey)) return null
  const key = readFileSync(authorityKey, 'utf8')
  if (isP256(parseAuthorityFile(authorityKey, 'private key', () => createPrivateKey(key))))
    return key
  throw unusableAuthority(`${authorityKey} holds a key of another kind`)
}

function isP256({ asymmetricKeyDetails }: KeyObject): boolean {
  return asymmetricKeyDetails?.namedCurve === 'prime256v1'
}

/** Throws `unavailable` for what is no such thing. */
function parseAuthorityFile<T>(path: string, what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw unusableAuthority(`${path} holds no ${what}`, cause)
  }
}

function unusableAuthority(message: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', message, {
    hint: 'put both files of the authority back from a copy, or with `snailpass restore --with-secrets`; if they are lost, `snailpass tls renew --authority` makes a new one, which every device has to install',
    ...(cause === undefined ? {} : { cause: new Error(errorMessage(cause)) }),
  })
}
