import { existsSync } from 'node:fs'
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { type Endpoint, formatListenAddress } from '../config/listen-address'
import { isIpv6, networkOf, parseAddress } from '../domain/address'
import { isLoopback, isPrivate, type NetworkMatcher } from '../domain/networks'
import type { MonotonicClock } from '../domain/runtime'

/**
 * Returns the URL at which people most likely reach the server with these listeners, with a slash at its end. For emails that no
 * request causes: a request would contain the URL.
 */
export function likelyBaseUrl(publicUrl: URL | null, endpoints: readonly Endpoint[]): string {
  if (publicUrl !== null) return publicUrl.href
  const [first = 'http://localhost/'] = endpoints.flatMap(urlsOf)
  return first
}

/**
 * Returns the URLs of a listener, each with a slash at its end. URLs that work on other machines come first. A Unix
 * socket has none.
 */
export function urlsOf({ address, isTls }: Endpoint): readonly string[] {
  if ('path' in address) return []
  const { hostname, port } = address
  const isAll = hostname === '0.0.0.0' || hostname === '::'
  // A listener on 0.0.0.0 can't be reached by IPv6.
  const hosts = isAll
    ? localHosts().filter((host) => hostname === '::' || !host.startsWith('['))
    : [formatListenAddress({ hostname, port }).replace(/:\d+$/, '')]
  return hosts.map((host) => new URL(`${isTls ? 'https' : 'http'}://${host}:${port}/`).href)
}

/**
 * Returns the URLs by which other machines reach listeners: addresses first, then names for which something answers. A listener that
 * only this machine reaches keeps its own.
 */
export function urlsForClients(
  endpoints: readonly Endpoint[],
  { mdns }: { readonly mdns: boolean },
): readonly string[] {
  const names = listAnsweredNames(mdns)
  const found = endpoints.flatMap((endpoint) => {
    const { address, isTls } = endpoint
    const isAll = 'port' in address && (address.hostname === '0.0.0.0' || address.hostname === '::')
    if (!isAll) return urlsOf(endpoint)
    const isAddress = (url: string) => /^https?:\/\/(?:\d|\[)/.test(url)
    const urls = urlsOf(endpoint)
    const others = [
      ...urls.filter((url) => isAddress(url) && !isLoopbackUrl(url)),
      ...names.map(
        (name) => new URL(`${isTls ? 'https' : 'http'}://${name}:${address.port}/`).href,
      ),
    ]
    return others.length === 0 ? urls.filter(isLoopbackUrl) : others
  })
  return [...new Set(found)]
}

/** Returns whether a URL leads to this machine, wherever it is opened. */
export function isLoopbackUrl(url: string): boolean {
  return isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''))
}

/** The socket of Avahi, which answers for the name of a Linux machine. */
const avahiSocket = '/run/avahi-daemon/socket'

/** Returns the names below `.local` that this server or its system answers for. macOS and Windows do that by themselves. */
function listAnsweredNames(mdns: boolean): readonly string[] {
  const [label] = hostname().toLowerCase().split('.')
  const isAnswered =
    process.platform === 'darwin' || process.platform === 'win32' || existsSync(avahiSocket)
  return [...(mdns ? ['snailpass.local'] : []), ...(isAnswered ? [`${label}.local`] : [])]
}

/**
 * Returns the names and addresses of this machine. Those that work on other machines come first. IPv6 addresses are in
 * brackets.
 */
export function localHosts(): readonly string[] {
  const name = hostname().toLowerCase()
  // Link-local addresses need a zone, or change with the network.
  const addresses = listInterfaceAddresses().filter(
    ({ address }) => !/^(?:fe80:|169\.254\.)/i.test(address),
  )
  const hostsOf = (isInternal: boolean, family: 'IPv4' | 'IPv6') =>
    addresses
      .filter((found) => found.internal === isInternal && found.family === family)
      .map(({ address }) => (family === 'IPv6' ? `[${address}]` : address))
  return [
    ...hostsOf(false, 'IPv4'),
    ...hostsOf(false, 'IPv6'),
    name,
    `${name}.local`,
    'localhost',
    ...hostsOf(true, 'IPv4'),
    ...hostsOf(true, 'IPv6'),
  ]
}

/** Returns whether this machine has IPv6: where it does, the loopback interface has an address. True if that is unknown. */
export function hasIpv6(): boolean {
  const addresses = listInterfaceAddresses()
  return addresses.length === 0 || addresses.some(({ family }) => family === 'IPv6')
}

/** Milliseconds for which the networks of the interfaces are remembered. */
const networksLifetime = 10_000

/**
 * Returns a matcher for private networks and the IPv6 /64 networks that an interface of this machine is in: there, the devices
 * of a home have addresses that the internet could reach as well.
 */
export function createLocalMatcher(
  clock: MonotonicClock,
  list: () => readonly NetworkInterfaceInfo[] = listInterfaceAddresses,
): NetworkMatcher {
  let networks: ReadonlySet<string> = new Set()
  let readTime = Number.NEGATIVE_INFINITY
  return (address) => {
    if (isPrivate(address)) return true
    if (!isIpv6(address)) return false
    if (clock() - readTime >= networksLifetime) {
      networks = new Set(list().filter(isOnLink).map(networkOfInterface))
      readTime = clock()
    }
    return networks.has(networkOf(parseAddress(address)))
  }
}

/** An address with a longer prefix, such as a /128, may share its /64 with other people's machines. */
function isOnLink({ family, internal, cidr }: NetworkInterfaceInfo): boolean {
  return family === 'IPv6' && !internal && Number(cidr?.split('/')[1] ?? 128) <= 64
}

function networkOfInterface({ address }: NetworkInterfaceInfo): string {
  return networkOf(parseAddress(address))
}

/** Returns nothing if the system refuses the list, as some sandboxes do. The server works without it. */
function listInterfaceAddresses(): readonly NetworkInterfaceInfo[] {
  try {
    return Object.values(networkInterfaces()).flatMap((found) => found ?? [])
  } catch {
    return []
  }
}
