import { DomainError } from '../../domain/errors'
import { type Installation, requireInstallation } from '../../service/installation'
import { updateFolderOf } from '../../service/paths'
import { type ReleaseSettings, releaseSettings } from '../../update/build-settings'
import { withUpdateFolder } from '../../update/folder'
import { endInterruptedUpgrade, runInstaller } from '../../update/installer'
import { parsePlace } from '../../update/place'
import { fetchProgram, type ProgramRequest } from '../../update/program'
import {
  compareVersions,
  isReleaseVersion,
  type Release,
  readRelease,
  requirePackage,
} from '../../update/release'
import { openSource, type ReleaseSource } from '../../update/source'
import { version as ownVersion } from '../../version'
import type { Runtime } from '../runtime'

/** Which release is meant. */
export interface UpdateRequest {
  /** URL or folder of the release; null for the place that the build names. */
  readonly from: string | null
  /** The version that the release must have; null for any. */
  readonly version: string | null
}

/** What a place has, compared with this version. */
export interface UpdateReport {
  readonly version: string
  readonly release: Pick<Release, 'version' | 'date'>
  /** The place of the release. */
  readonly from: string
  readonly isNewer: boolean
}

/** Returns the public keys that this build accepts; none if it can't update. */
export function listReleaseKeys(): readonly string[] {
  return releaseSettings().keys.map(({ text }) => text)
}

/** As `listReleaseKeys`, but throws `unavailable` if there are none. */
export function requireReleaseKeys(): readonly string[] {
  return requireKeys(releaseSettings()).map(({ text }) => text)
}

/**
 * Tells whether a place has a newer release, whose signature it verifies. Changes nothing. Throws `invalid` for wrong usage,
 * `conflict` for a release that can't be trusted, and `unavailable`.
 */
export async function checkForUpdate(
  request: UpdateRequest,
  runtime: Runtime,
  settings: ReleaseSettings = releaseSettings(),
): Promise<UpdateReport> {
  const { source, release } = await findRelease(request, runtime, settings)
  requirePackage(release, settings.target)
  return reportOf(source, release)
}

export interface UpdateOutput extends Pick<ProgramRequest, 'onProgress'> {
  readonly info: (line: string) => void
}

/**
 * Installs a newer release in place of the version that runs: downloads and verifies it, and has its `service install` do the
 * rest, whose output goes to the terminal. Returns the exit code of that; null if there was nothing to do. Until then nothing
 * was changed. Throws as `checkForUpdate`, and `forbidden` if it takes root.
 */
export async function installUpdate(
  request: UpdateRequest,
  runtime: Runtime,
  { info, onProgress }: UpdateOutput,
): Promise<number | null> {
  const settings = releaseSettings()
  requireKeys(settings)
  const installation = requireInstallation(process.execPath)
  requireOwner(installation)
  const folder = updateFolderOf(installation.layout)
  return await withUpdateFolder(folder, async () => {
    const ended = await endInterruptedUpgrade(installation, folder, info)
    if (ended !== null) return ended
    const { source, release } = await findRelease(request, runtime, settings)
    const { version, date } = release
    const order = compareVersions(version, ownVersion)
    if (order < 0) throw olderError(version)
    if (order === 0) {
      info(`${ownVersion} is up to date: the release at ${source.name} is ${version}`)
      return null
    }
    const found = requirePackage(release, settings.target)
    info(`release ${version} of ${date}: the signature is valid; getting ${found.name}`)
    const program = await fetchProgram({ source, version, package: found, folder, onProgress })
    return await runInstaller(program, installation)
  })
}

function requireKeys({ keys }: ReleaseSettings): ReleaseSettings['keys'] {
  if (keys.length > 0) return keys
  throw new DomainError(
    'unavailable',
    'this build has no public keys, so it can verify no release',
    {
      hint: 'install a release with install.sh; who builds snailpass sets the keys in scripts/release-settings.sh',
    },
  )
}

/** Finds the release and verifies its signature. */
async function findRelease(
  { from, version }: UpdateRequest,
  runtime: Runtime,
  settings: ReleaseSettings,
): Promise<{ source: ReleaseSource; release: Release }> {
  const keys = requireKeys(settings)
  if (version !== null && !isReleaseVersion(version)) {
    throw new DomainError('invalid', `invalid --version "${version}"`, {
      hint: 'write a version as in --version 0.3.0',
    })
  }
  const named = from ?? settings.place
  if (named === null) {
    throw new DomainError('invalid', 'this build does not know where releases are', {
      hint: 'name the URL or the folder of a release with --from',
    })
  }
  const source = openSource(parsePlace(named, version), runtime)
  const release = await readRelease(source, keys)
  if (version !== null && version !== release.version) {
    throw new DomainError(
      'conflict',
      `the release at ${source.name} is ${release.version}, not ${version}`,
      { hint: 'nothing was installed; name the place of that version with --from' },
    )
  }
  return { source, release }
}

function reportOf(source: ReleaseSource, { version, date }: Release): UpdateReport {
  return {
    version: ownVersion,
    release: { version, date },
    from: source.name,
    isNewer: compareVersions(version, ownVersion) > 0,
  }
}

/** An old release has a valid signature for ever, and the faults that newer ones have fixed. */
function olderError(version: string): DomainError {
  return new DomainError(
    'conflict',
    `release ${version} is older than this version, ${ownVersion}`,
    {
      hint: 'nothing was installed; the installer of that version goes back, if the database allows it',
    },
  )
}

function requireOwner({ layout }: Installation): void {
  if (layout.user === null || process.getuid?.() === 0) return
  throw new DomainError('forbidden', 'root is required: the service belongs to root', {
    hint: 'sudo snailpass update',
  })
}
