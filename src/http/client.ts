import { parseAddress } from '../domain/address'
import { setNewest } from '../domain/newest-entries'

/** Who sent a request, as far as the server can trust what it knows. */
export interface Client {
  /** IP address of the client. Null if unknown: a proxy on a Unix socket that does not forward the address. */
  readonly address: string | null
  /** Whether the client uses HTTPS, to this server or to a trusted proxy in front of it. */
  readonly isSecure: boolean
}

/** Returns the URL of a request with the scheme that the client used. Throws if the Host header gives no valid URL. */
export function urlOf(request: Request, { isSecure }: Client): URL {
  return new URL(isSecure ? request.url.replace(/^http:/, 'https:') : request.url)
}

/** Gives a request another URL, which everybody then reads from it. */
export function setUrl(request: Request, url: string): void {
  // More than once: a request without a Host header over HTTPS gets two.
  Object.defineProperty(request, 'url', { value: url, configurable: true })
}

/** How many peers are known. */
const maxPeers = 1_000

/** The connection on which a request arrived. */
export interface ConnectionInfo {
  /** IP address at the other end: a client's or a proxy's. Null on a Unix socket. */
  readonly peer: string | null
  readonly isTls: boolean
}

/**
 * Returns a function that finds out who sent a request. Behind a trusted proxy, the client is the first address from the
 * right in `X-Forwarded-For` that is not a trusted proxy itself. Addresses further to the left come from that client, who
 * can send any. Every connection on a Unix socket counts as a trusted proxy, because the operator decides who may open it.
 *
 * `isProxy` tells whether an address belongs to a trusted proxy. `onUnlistedProxy` is called with the peer of each request that has
 * forwarding headers and comes from another address.
 */
export function createClientResolver(
  isProxy: (address: string) => boolean,
  onUnlistedProxy: (peer: string) => void = () => {},
): (connection: ConnectionInfo, headers: Headers) => Client {
  /** What is known of the latest peers: clients send many requests over few connections. */
  const peers = new Map<string, { readonly address: string | null; readonly isProxy: boolean }>()

  function lookUp(peer: string) {
    const known = peers.get(peer)
    if (known !== undefined) return known
    const address = parseAddress(peer)
    const found = { address, isProxy: address === null || isProxy(address) }
    setNewest(peers, { key: peer, value: found, max: maxPeers })
    return found
  }

  return ({ peer, isTls }, headers) => {
    const found = peer === null ? null : lookUp(peer)
    const peerAddress = found?.address ?? null
    if (peerAddress !== null && found?.isProxy === false) {
      if (isForwarded(headers)) onUnlistedProxy(peerAddress)
      return { address: peerAddress, isSecure: isTls }
    }
    const hops = headers.get('x-forwarded-for')?.split(',') ?? []
    let address = peerAddress
    for (const hop of hops.reverse()) {
      const next = parseAddress(withoutPort(hop.trim()))
      // A trusted proxy writes an address. This entry is none, so neither it nor any to its left can be trusted.
      if (next === null) break
      address = next
      if (!isProxy(next)) break
    }
    // Only the last proxy is known to be trusted; strangers may reach the ones before it.
    const scheme = headers.get('x-forwarded-proto')?.split(',').at(-1)?.trim().toLowerCase()
    return { address, isSecure: scheme === undefined ? isTls : scheme === 'https' }
  }
}

/** What proxies add. Many set only some of these. */
const forwardingHeaders: readonly string[] = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-real-ip',
  'forwarded',
]

/** Returns whether a proxy has passed the request on. One that adds nothing is not noticed. */
export function isForwarded(headers: Headers): boolean {
  return forwardingHeaders.some((name) => headers.has(name))
}

/** Removes the port that some proxies add: `1.2.3.4:567`, `[2001:db8::1]:567`. */
function withoutPort(hop: string): string {
  const { ipv6, ipv4 } =
    /^(?:\[(?<ipv6>[^\]]+)\](?::\d+)?|(?<ipv4>\d+\.\d+\.\d+\.\d+):\d+)$/.exec(hop)?.groups ?? {}
  return ipv6 ?? ipv4 ?? hop
}
