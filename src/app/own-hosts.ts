import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { formatListenAddress } from '../config/listen-address'
import type { Settings } from '../config/settings'

/** Where people most likely reach the server, for letters that no request of theirs brings about. With a slash at its end. */
export function likelyAddress({ publicUrl, listen }: Settings): string {
  if (publicUrl !== null) return publicUrl.href
  const isAnywhere = ['0.0.0.0', '::'].includes(listen.hostname)
  const host = isAnywhere ? (ownHosts()[0] ?? 'localhost') : listen.hostname
  return new URL(
    `http://${formatListenAddress({ hostname: host.replace(/^\[|\]$/g, ''), port: listen.port })}/`,
  ).href
}

/** Names and addresses by which this machine is reached, those that others can use first. IPv6 in brackets. */
export function ownHosts(): readonly string[] {
  const name = hostname().toLowerCase()
  const addresses = ownAddresses().filter(({ address }) => !/^(?:fe80:|169\.254\.)/i.test(address))
  const written = (isInternal: boolean, family: 'IPv4' | 'IPv6') =>
    addresses
      .filter((found) => found.internal === isInternal && found.family === family)
      .map(({ address }) => (family === 'IPv6' ? `[${address}]` : address))
  return [
    ...written(false, 'IPv4'),
    ...written(false, 'IPv6'),
    name,
    `${name}.local`,
    'localhost',
    ...written(true, 'IPv4'),
    ...written(true, 'IPv6'),
  ]
}

/** None where the system does not tell, as in some sandboxes: a letter's link is no reason to fail. */
function ownAddresses(): readonly NetworkInterfaceInfo[] {
  try {
    return Object.values(networkInterfaces()).flatMap((found) => found ?? [])
  } catch {
    return []
  }
}
