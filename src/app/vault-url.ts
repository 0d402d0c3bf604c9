import { isLoopback } from '../domain/networks'
import { localHosts } from './local-addresses'

/**
 * Returns where people open the web vault: the first address at which browsers have cryptography, HTTPS before this machine alone.
 * Null if there is none. `urls` are those of listeners.
 */
export function vaultUrlOf(publicUrl: URL | null, urls: readonly URL[]): string | null {
  const reached = urls.flatMap(hostedUrls)
  const found =
    [...(publicUrl === null ? [] : [publicUrl]), ...reached].find(
      ({ protocol }) => protocol === 'https:',
    ) ?? reached.find(({ hostname }) => isLoopback(hostname.replace(/^\[|\]$/g, '')))
  return found === undefined ? null : new URL('vault/', found).href
}

/** Returns the URLs of a listener on all addresses by the names and addresses of this machine. */
function hostedUrls(url: URL): readonly URL[] {
  if (url.hostname !== '0.0.0.0' && url.hostname !== '[::]') return [url]
  return localHosts()
    .filter((host) => url.hostname === '[::]' || !host.startsWith('['))
    .map((host) => new URL(`${url.protocol}//${host}:${url.port}/`))
}
