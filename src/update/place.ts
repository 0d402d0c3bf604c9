import { resolve } from 'node:path'
import { DomainError } from '../domain/errors'
import { isLoopback } from '../domain/networks'

/** Where the files of a release are: below a URL that ends with a slash, or in a folder. */
export type ReleasePlace = URL | string

/**
 * Parses what the operator or the build names as the place of a release. `version` chooses one: in a URL with `latest` in its
 * path, the version takes the place of that word. Throws `invalid`.
 */
export function parsePlace(text: string, version: string | null): ReleasePlace {
  if (!text.includes('://')) return resolve(text)
  const url = URL.parse(text)
  if (url === null || !isSafeUrl(url)) {
    throw new DomainError('invalid', `${text} is not an https URL`, {
      hint: 'use https, or download the release by other means and name its folder',
    })
  }
  // Neither belongs to a folder of files, and a password in an argument is no secret.
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new DomainError('invalid', 'the URL of a release has more than a host and a path', {
      hint: 'name the folder that has the files of the release: https://example.org/snailpass',
    })
  }
  if (version !== null) url.pathname = pathOfVersion(url.pathname, version)
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

/** On GitHub, `releases/latest/download` becomes `releases/download/v0.3.0`; elsewhere `latest` becomes `0.3.0`. */
function pathOfVersion(path: string, version: string): string {
  return path
    .replace(/\/latest\/download(?=\/?$)/, `/download/v${version}`)
    .replace(/\/latest(?=\/?$)/, `/${version}`)
}

/** Whether nobody between this machine and the server can read along or answer in its place. */
function isSafeUrl(url: URL): boolean {
  return url.protocol === 'https:' || isThisMachine(url)
}

/** Whether a URL is one of plain HTTP to this machine itself. */
export function isThisMachine({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, ''))
}
