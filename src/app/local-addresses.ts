import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { type Endpoint, formatListenAddress } from '../config/listen-address'
import { endpointsOf } from '../config/listeners'
import type { Settings } from '../config/settings'

/**
 * Returns the URL at which people most likely reach the server, with a slash at its end. For emails that no request
 * causes: a request would contain the URL.
 */
export function likelyBaseUrl(settings: Settings): string {
  if (settings.publicUrl !== null) return settings.publicUrl.href
  const [first = 'http://localhost/'] = endpointsOf(settings).flatMap((endpoint) =>
    urlsOf(endpoint),
  )
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

/** Returns nothing if the system refuses the list, as some sandboxes do. The server works without it. */
function listInterfaceAddresses(): readonly NetworkInterfaceInfo[] {
  try {
    return Object.values(networkInterfaces()).flatMap((found) => found ?? [])
  } catch {
    return []
  }
}
