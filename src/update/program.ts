import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DomainError } from '../domain/errors'
import { runOrThrow, runProgram } from '../service/process'
import { saveFile } from './files'
import { damagedHint } from './minisign'
import type { ReleasePackage } from './release'
import type { ReleaseSource } from './source'

/** Bytes. Packages of releases have about 50 MB, one that is not compressed 125 MB. */
const maxPackageBytes = 512 * 1024 * 1024

/** How long a new version may take to print its version, in milliseconds: a Raspberry Pi reads it from a slow card. */
const versionTimeout = 60_000

export interface ProgramRequest {
  readonly source: ReleaseSource
  readonly version: string
  readonly package: ReleasePackage
  /** Where to put it: an empty folder that nobody else can change. */
  readonly folder: string
  /** Told how many bytes of the package are there. The size is null if it is not known. */
  readonly onProgress: (done: number, size: number | null) => void
}

/**
 * Gets the executable of a release: saves its package, compares it with its sum, and only then unpacks and tries it. Returns its
 * path. Throws `conflict`, `unavailable` and system errors of the folder.
 */
export async function fetchProgram(request: ProgramRequest): Promise<string> {
  const { source, version, folder, onProgress } = request
  const { name, sha256 } = request.package
  const path = join(folder, name)
  const found = await saveFile({
    ...{ source, file: name, path, onProgress },
    maxBytes: maxPackageBytes,
  })
  if (found !== sha256) {
    throw new DomainError('conflict', `${name} does not match SHA256SUMS`, { hint: damagedHint })
  }
  const member = `${name.replace(/\.tar\.gz$/, '')}/snailpass`
  await runOrThrow('tar', ['-xzof', path, '-C', folder, member])
  rmSync(path)
  const program = join(folder, member)
  await requireVersion(program, version)
  return program
}

/** Throws `conflict` unless the executable runs here and is of this version. */
async function requireVersion(program: string, version: string): Promise<void> {
  const { code, stdout, stderr } = await runProgram(program, ['--version'], {
    timeout: versionTimeout,
  })
  if (code !== 0) {
    const [reason = ''] = stderr.split('\n')
    throw new DomainError('conflict', `release ${version} does not run on this system: ${reason}`, {
      hint: 'nothing was installed; "Without root or without systemd" in docs/install.md says what it needs',
    })
  }
  const found = /^snailpass (\S+) \(/.exec(stdout)?.[1]
  if (found === version) return
  throw new DomainError('conflict', `release ${version} contains version ${found ?? 'unknown'}`, {
    hint: 'nothing was installed; report this to the publisher of the release',
  })
}
