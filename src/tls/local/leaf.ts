import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { KeyPair } from '../../domain/certificates'
import { DomainError } from '../../domain/errors'
import type { Random } from '../../domain/runtime'
import { writeAtomic } from '../../files/atomic-file'
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

/** What is served, certified by an authority of ours. */
export interface Leaf extends KeyPair {
  readonly info: CertificateInfo
}

/** Apple's devices refuse more than 398 days, and count the days before today too. In milliseconds. */
const lifetime = 397 * 24 * 3600_000

/** So many names may a certificate keep of networks that its machine has left: a laptop comes back to them. */
const maxNames = 100

/** Why a new certificate is needed. */
export type RenewalReason = 'missing' | 'names' | 'age'

/**
 * The leaf of a folder, null where there is none. Throws `unavailable` for a file that holds something else, or another
 * authority's.
 */
export function findLeaf({ leaf: path }: TlsFolder, authority: Authority): Leaf | null {
  if (!existsSync(path)) return null
  const text = readFileSync(path, 'utf8')
  const leaf = parseLeaf(text)
  if (leaf === null) throw unusableLeaf(path, 'holds no certificate with its key')
  const [certificate] = parseChain(leaf.cert)
  if (certificate?.verify(new X509Certificate(authority.cert).publicKey) !== true) {
    throw unusableLeaf(path, 'holds a certificate that the authority of this server has not made')
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
    hint: `remove the file, and a new one is made; for a certificate of your own there are SNAILPASS_TLS=files, SNAILPASS_TLS_CERT and SNAILPASS_TLS_KEY`,
  })
}

/** Why a leaf must be replaced at this time; null when it need not be, or a new one would be no better. */
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
  // A clock that was set back far leaves one of the future.
  if (now < notBefore) return 'age'
  const left = notAfter - now
  // The last one of an authority can't live longer than that.
  return left < (notAfter - notBefore) / 3 && next.notAfter > notAfter + clockSkewAllowance
    ? 'age'
    : null
}

/** Makes a leaf for these names and, where it was for names that it is made, those that the former one had. */
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
    throw new DomainError('unavailable', `the authority ${folder.authorityCert} has expired`, {
      hint: '`snailpass tls renew --authority` makes a new one, which every device has to install',
    })
  }
  const kept = (previous?.info.names ?? []).filter(
    (name) => !needed.includes(name) && isPermitted(name, authority.constraints),
  )
  const names = needed.length + kept.length > maxNames ? needed : [...needed, ...kept]
  const { createLeafCertificate } = await loadX509()
  const { cert, key } = await createLeafCertificate(authority, { names, ...validity }, random)
  writeAtomic(folder.leaf, key + cert)
  return { cert, key, info: parseCertificateInfo(cert) }
}

/** From when to when a leaf can be valid that is made now: not for longer than its authority is. */
function validityAt({ info }: Authority, now: number) {
  const notBefore = Math.max(now - clockSkewAllowance, info.notBefore)
  return { notBefore, notAfter: Math.min(notBefore + lifetime, info.notAfter) }
}
