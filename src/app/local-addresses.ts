import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { type Endpoint, formatListenAddress } from '../config/listen-address'
import { endpointsOf } from '../config/listeners'
import type { Settings } from '../config/settings'

/** Where people most likely reach the server, for letters that no request of theirs brings about. With a slash at its end. */
export function likelyBaseUrl(settings: Settings): string {
  if (settings.publicUrl !== null) return settings.publicUrl.href
  const [first = 'http://localhost/'] = endpointsOf(settings).flatMap((endpoint) =>
    urlsOf(endpoint),
  )
  return first
}

/** The URLs of a listener, those first that others can use; none of a Unix socket. With a slash at the end of each. */
export function urlsOf({ address, isTls }: Endpoint): readonly string[] {
  if ('path' in address) return []
  const { hostname, port } = address
  const isAll = hostname === '0.0.0.0' || hostname === '::'
  // IPv4 alone where it listens there alone.
  const hosts = isAll
    ? localHosts().filter((host) => hostname === '::' || !host.startsWith('['))
    : [formatListenAddress({ hostname, port }).replace(/:\d+$/, '')]
  return hosts.map((host) => new URL(`${isTls ? 'https' : 'http'}://${host}:${port}/`).href)
}

/** Names and addresses by which this machine is reached, those that others can use first. IPv6 in brackets. */
export function localHosts(): readonly string[] {
  const name = hostname().toLowerCase()
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

/** None where the system does not tell, as in some sandboxes: a letter's link is no reason to fail. */
function listInterfaceAddresses(): readonly NetworkInterfaceInfo[] {
  try {
    return Object.values(networkInterfaces()).flatMap((found) => found ?? [])
  } catch {
    return []
  }
}
