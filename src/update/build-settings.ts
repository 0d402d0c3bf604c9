import { type PublicKey, parsePublicKeys } from './minisign'

/** Set by the build script from scripts/release-settings.sh; undefined when the sources run without a build. */
declare const BUILD_RELEASES: string | undefined
declare const BUILD_RELEASE_KEYS: string | undefined
/** Set for the executables of a release: what the names of packages end with, such as `linux-x64-musl`. */
declare const BUILD_TARGET: string | undefined

/** What a build knows of releases. */
export interface ReleaseSettings {
  /** URL of the folder of the newest release; null if the build has none. */
  readonly place: string | null
  /** A release has to be signed with one of them. Without any, the build can't verify a release. */
  readonly keys: readonly PublicKey[]
  /** The platform of this executable, as the packages of a release name it. */
  readonly target: string
}

export function releaseSettings(): ReleaseSettings {
  const place = typeof BUILD_RELEASES === 'string' ? BUILD_RELEASES : ''
  const keys = typeof BUILD_RELEASE_KEYS === 'string' ? BUILD_RELEASE_KEYS : ''
  const target = typeof BUILD_TARGET === 'string' ? BUILD_TARGET : ''
  return {
    place: place === '' ? null : place,
    keys: parsePublicKeys(keys),
    target: target === '' ? currentPlatform() : target,
  }
}

function currentPlatform(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform
  return `${system}-${process.arch}`
}
