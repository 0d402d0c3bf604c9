import { DomainError } from '../domain/errors'
import { findSmallFile } from './files'
import { damagedHint, type PublicKey, verifySignature } from './minisign'
import type { ReleaseSource } from './source'

/** A release whose signature was verified. */
export interface Release {
  readonly version: string
  /** The day of the release: `2026-12-01`. */
  readonly date: string
  /** The SHA-256 of each file, in hexadecimal, by its name. */
  readonly sums: ReadonlyMap<string, string>
}

export interface ReleasePackage {
  readonly name: string
  readonly sha256: string
}

/** Bytes. A release has a line of about 110 bytes for each of a dozen files. */
const maxSumsBytes = 64 * 1024
const maxSignatureBytes = 4 * 1024

/** A version as releases have it: no part has more digits than a number can hold. */
const versionPattern = /^\d{1,9}\.\d{1,9}\.\d{1,9}(?:-[0-9A-Za-z.]{1,64})?$/

export function isReleaseVersion(text: string): boolean {
  return versionPattern.test(text)
}

/** Returns a number below 0 if the first version is older than the second, above 0 if it is newer (semver.org, section 11). */
export function compareVersions(one: string, other: string): number {
  return Bun.semver.order(one, other)
}

/**
 * Reads which release a place has, and verifies that one of the keys has signed it. Throws `conflict` for one that can't be
 * trusted, and `unavailable` if it can't be read.
 */
export async function readRelease(
  source: ReleaseSource,
  keys: readonly PublicKey[],
): Promise<Release> {
  const sums = await findSmallFile(source, 'SHA256SUMS', maxSumsBytes)
  if (sums === null) {
    throw new DomainError('unavailable', `there is no release at ${source.name}: no SHA256SUMS`, {
      hint: 'name the URL or the folder that has the files of a release with --from',
    })
  }
  const signature = await findSmallFile(source, 'SHA256SUMS.minisig', maxSignatureBytes)
  if (signature === null) {
    throw new DomainError(
      'conflict',
      `the release at ${source.name} is not signed: there is no SHA256SUMS.minisig`,
      { hint: damagedHint },
    )
  }
  const comment = await verifySignature(sums, Buffer.from(signature).toString('utf8'), keys)
  return { ...parseComment(comment), sums: parseSums(Buffer.from(sums).toString('utf8')) }
}

/** Parses the trusted comment: product, version and day. Keys may sign something else, too. */
function parseComment(comment: string): Pick<Release, 'version' | 'date'> {
  const [product, version = '', date = '', ...rest] = comment.split(' ')
  const isComplete =
    rest.length === 0 && isReleaseVersion(version) && /^\d{4}-\d\d-\d\d$/.test(date)
  if (product === 'snailpass' && isComplete) return { version, date }
  throw new DomainError('conflict', `what is signed is not a release of snailpass: "${comment}"`, {
    hint: 'nothing was installed; check that the address is that of a release of snailpass',
  })
}

function parseSums(text: string): ReadonlyMap<string, string> {
  const lines = text.matchAll(/^([0-9a-f]{64}) [ *]([^/\n]+)$/gm)
  return new Map([...lines].map(([, sum = '', name = '']) => [name, sum]))
}

/** Returns the package for a platform. Throws `conflict` if there is none, or if it is one of another version. */
export function requirePackage({ version, sums }: Release, target: string): ReleasePackage {
  const prefix = 'snailpass-'
  const suffix = `-${target}.${target.startsWith('windows-') ? 'zip' : 'tar.gz'}`
  const versions = [...sums.keys()].flatMap((name) => {
    const found = name.slice(prefix.length, -suffix.length)
    return name === prefix + found + suffix && isReleaseVersion(found) ? [found] : []
  })
  const name = prefix + version + suffix
  const sha256 = sums.get(name)
  const other = versions.find((found) => found !== version)
  if (other !== undefined) {
    throw new DomainError(
      'conflict',
      `the signature is for version ${version}, and the release has a package of version ${other}`,
      { hint: 'nothing was installed; report this to the publisher of the release' },
    )
  }
  if (sha256 !== undefined) return { name, sha256 }
  throw new DomainError('conflict', `release ${version} has no package for ${target}`, {
    hint: `nothing was installed; it contains: ${[...sums.keys()].join(' ')}`,
  })
}
