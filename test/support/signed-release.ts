import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createReleaseFolder } from './installed-service'
import type { SigningKey } from './minisign'
import { sh } from './release'

/** Signs SHA256SUMS of a release folder, in place of its signature. */
export async function signRelease(folder: string, key: SigningKey, comment: string): Promise<void> {
  const sums = readFileSync(join(folder, 'SHA256SUMS'), 'utf8')
  writeFileSync(join(folder, 'SHA256SUMS.minisig'), await key.sign(sums, comment))
}

/** Creates a signed release of one program in a folder, whose install.sh knows the keys as that of scripts/release.sh does. */
export async function createSignedRelease(
  folder: string,
  program: string,
  options: {
    readonly version: string
    readonly target: string
    readonly keys: readonly [SigningKey, ...SigningKey[]]
  },
): Promise<void> {
  const { version, target, keys } = options
  await createReleaseFolder(folder, program, { version, targets: [target] })
  const path = join(folder, 'install.sh')
  const text = readFileSync(path, 'utf8')
  const list = keys.map(({ publicKey }) => publicKey).join(' ')
  const filled = text.replace(/^release_keys=''$/m, `release_keys='${list}'`)
  if (filled === text) throw new Error('install.sh has no place for the keys')
  writeFileSync(path, filled)
  await signRelease(folder, keys[0], `snailpass ${version} 2026-12-01`)
}

/** Builds the executable with these public keys, and this place of releases. */
export async function buildWithKeys(
  path: string,
  { keys, place }: { keys: readonly SigningKey[]; place: string },
): Promise<void> {
  await sh('. scripts/compile.sh && compile "$0"', path, {
    RELEASE_KEYS: keys.map(({ publicKey }) => publicKey).join(' '),
    RELEASES_URL: place,
  })
  chmodSync(path, 0o755)
}
