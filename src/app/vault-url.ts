import { isLoopbackUrl, urlsOf } from './local-addresses'
import { endpointOf } from './running-server'

/**
 * Returns where people open the web vault: the first address at which browsers have cryptography, HTTPS before this machine alone.
 * Null if there is none. `urls` are those of listeners.
 */
export function vaultUrlOf(publicUrl: URL | null, urls: readonly URL[]): string | null {
  const reached = urls.flatMap((url) => urlsOf(endpointOf(url)))
  const found =
    [...(publicUrl === null ? [] : [publicUrl.href]), ...reached].find((url) =>
      url.startsWith('https:'),
    ) ?? reached.find(isLoopbackUrl)
  return found === undefined ? null : new URL('vault/', found).href
}
