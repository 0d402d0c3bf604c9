import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { KeyPair } from '../../domain/certificates'
import { DomainError } from '../../domain/errors'
import type { Random } from '../../domain/runtime'
import { writeAtomic } from '../../files/atomic-file'
import { removeFromStages, replaceFiles } from '../../files/file-replacement'
import {
  type CertificateInfo,
  isIssuedFor,
  parseCertificateInfo,
  parseChain,
} from '../certificate-info'
import { loadX509 } from '../load-x509'
import { type Authority, clockSkewAllowance } from './authority'
import type { TlsFolder } from './folder'
import { isPermitted } from './names'

/** The server's certificate, issued by the local CA, with its chain and key. */
export interface Leaf extends KeyPair {
  readonly info: CertificateInfo
}

/** In milliseconds. Apple's devices reject certificates that are valid for more than 398 days, including past days. */
const lifetime = 397 * 24 * 3600_000

/** Limit for the names of a certificate. It keeps addresses in networks that the machine has left: a laptop returns to them. */
const maxNames = 100

/** Why a new certificate is needed: there is none, it lacks names, or it expires soon. */
export type RenewalReason = 'missing' | 'names' | 'age'

/**
 * Returns the certificate of a folder, null if there is none. Throws `unavailable` if the file is damaged, or if another CA
 * issued the certificate.
 */
export function findLeaf({ leaf: path }: TlsFolder, authority: Authority): Leaf | null {
  if (!existsSync(path)) return null
  const text = readFileSync(path, 'utf8')
  const leaf = parseLeaf(text)
  if (leaf === null) throw unusableLeaf(path, 'contains no certificate with its key')
  const [certificate] = parseChain(leaf.cert)
  if (certificate?.verify(new X509Certificate(authority.cert).publicKey) !== true) {
    throw unusableLeaf(
      path,
      'contains a certificate that the certificate authority of this server did not issue',
    )
  }
  return leaf
}

function parseLeaf(text: string): Leaf | null {
  const key = /-----BEGIN PRIVATE KEY-----[\s\S]*?-----END PRIVATE KEY-----\n?/.exec(text)?.[0]
  if (key === undefined) return null
  const cert = text.slice(text.indexOf(key) + key.length)
  try {
    const [certificate] = parseChain(cert)
    if (certificate?.checkPrivateKey(createPrivateKey(key)) !== true) return null
    return { cert, key, info: parseCertificateInfo(cert) }
  } catch {
    return null
  }
}

function unusableLeaf(path: string, problem: string): DomainError {
  return new DomainError('unavailable', `${path} ${problem}`, {
    hint: 'remove the file to have a new certificate issued; to use a certificate of your own, set SNAILPASS_TLS=files, SNAILPASS_TLS_CERT and SNAILPASS_TLS_KEY',
  })
}

/** Returns why a certificate must be renewed now; null if it need not be, or if a new one would be no better. */
export function findRenewalReason(
  leaf: Leaf | null,
  needed: readonly string[],
  authority: Authority,
  now: number,
): RenewalReason | null {
  if (leaf === null) return 'missing'
  const { notBefore, notAfter } = leaf.info
  const next = validityAt(authority, now)
  const isValid = next.notBefore <= now && now < next.notAfter
  if (!isValid) return null
  if (needed.some((name) => !isIssuedFor(name, leaf.info))) return 'names'
  // The certificate is not valid yet: the clock was set back.
  if (now < notBefore) return 'age'
  const left = notAfter - now
  // No certificate is valid for longer than its CA: near the end of the CA a renewal gains nothing.
  return left < (notAfter - notBefore) / 3 && next.notAfter > notAfter + clockSkewAllowance
    ? 'age'
    : null
}

/**
 * Returns a new certificate for the names in `needed`, which is not saved yet. With `previous`, the new certificate keeps the names of that
 * one too, as far as they fit. Throws `unavailable` if the CA has expired.
 */
export async function issueLeaf(
  folder: TlsFolder,
  authority: Authority,
  {
    needed,
    previous,
    now,
  }: { readonly needed: readonly string[]; readonly previous: Leaf | null; readonly now: number },
  random: Random,
): Promise<Leaf> {
  const validity = validityAt(authority, now)
  if (validity.notAfter <= now) {
    throw new DomainError(
      'unavailable',
      `the certificate authority ${folder.authorityCert} has expired`,
      {
        hint: 'create a new one with `snailpass tls renew --authority`, which every device has to install',
      },
    )
  }
  const kept = (previous?.info.names ?? []).filter(
    (name) => !needed.includes(name) && isPermitted(name, authority.constraints),
  )
  const names = needed.length + kept.length > maxNames ? needed : [...needed, ...kept]
  const { createLeafCertificate } = await loadX509()
  const { cert, key } = await createLeafCertificate(authority, { names, ...validity }, random)
  return { cert, key, info: parseCertificateInfo(cert) }
}

/** Saves a certificate that the saved CA has issued. Throws system errors, and leaves the old one then. */
export function saveLeaf(folder: TlsFolder, leaf: KeyPair): void {
  writeAtomic(folder.leaf, formatLeaf(leaf))
}

/**
 * Saves a CA and the certificate that it has issued in place of the old ones, which stay until both are on the disk: a device
 * accepts no certificate of another CA. Throws system errors.
 */
export function saveAuthority(folder: TlsFolder, authority: KeyPair, leaf: KeyPair): void {
  const files = [
    { name: basename(folder.authorityKey), text: authority.key },
    { name: basename(folder.authorityCert), text: authority.cert },
    { name: basename(folder.leaf), text: formatLeaf(leaf) },
  ]
  replaceFiles(folder.path, files)
}

/** Makes an interrupted restore, which would replace the CA at the next start, leave it as it is. Throws system errors. */
export function keepAuthority({ path, authorityKey, authorityCert, leaf }: TlsFolder): void {
  removeFromStages(
    path,
    [authorityKey, authorityCert, leaf].map((file) => basename(file)),
  )
}

function formatLeaf({ key, cert }: KeyPair): string {
  return key + cert
}

/** Returns the validity period of a certificate issued now: within that of its CA. */
function validityAt({ info }: Authority, now: number) {
  const notBefore = Math.max(now - clockSkewAllowance, info.notBefore)
  return { notBefore, notAfter: Math.min(notBefore + lifetime, info.notAfter) }
}
