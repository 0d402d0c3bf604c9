/**
 * Which hosts belong to a home network: a list of domains that can't be registered on the internet, and a list of private
 * networks.
 * Limits, certificates, `doctor` and the settings all use these lists.
 */
import { BlockList, isIP } from 'node:net'
import { parseAddress } from './address'

/** Returns whether an address is in one of the networks; false for any text that is not an address. */
export type NetworkMatcher = (address: string) => boolean

/** Returns whether a text is an address or a network in CIDR notation. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== null
}

/** Returns a matcher for networks in CIDR notation and single addresses. Throws if one is not a network (`isNetwork`). */
export function createNetworkMatcher(networks: readonly string[]): NetworkMatcher {
  // One list per family: a single list treats an IPv4 address as an IPv4-mapped IPv6 one and would find it in ::/3.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const network of networks) {
    const parsed = parseNetwork(network)
    if (parsed === null) throw new Error(`not a network: ${network}`)
    const { address, prefix, family } = parsed
    lists[family].addSubnet(address, prefix, family)
  }
  return (address) => {
    const family = familyOf(address)
    return family !== null && lists[family].check(address, family)
  }
}

type Family = 'ipv4' | 'ipv6'

function parseNetwork(text: string): { address: string; prefix: number; family: Family } | null {
  const groups = /^(?<address>[^/]+)(?:\/(?<prefix>\d{1,3}))?$/.exec(text)?.groups
  const address = groups?.['address'] ?? ''
  const family = familyOf(address)
  if (family === null) return null
  const maxPrefix = family === 'ipv4' ? 32 : 128
  const prefix = Number(groups?.['prefix'] ?? maxPrefix)
  return prefix > maxPrefix ? null : { address, prefix, family }
}

function familyOf(address: string): Family | null {
  const family = isIP(address)
  return family === 4 ? 'ipv4' : family === 6 ? 'ipv6' : null
}

/** Loopback, private and link-local networks (RFC 1122, 1918, 3927, 4193, 4291, 6598). */
export const privateNetworks: readonly string[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
  '::1/128',
]

/** Returns whether an address is in a private network; false for any text that is not an address. */
export const isPrivate: NetworkMatcher = createNetworkMatcher(privateNetworks)

/** Returns whether a host is this machine, by its address or as `localhost`. */
export function isLoopback(host: string): boolean {
  const isLocal = isIP(host) === 4 && host.startsWith('127.')
  return isLocal || host === '::1' || host.toLowerCase() === 'localhost'
}

/**
 * Domains of home networks, which can't be registered on the internet: reserved ones (RFC 6761, 6762 with its appendix G,
 * 8375; ICANN has reserved `internal`), and those that routers assign.
 */
export const homeDomains: readonly string[] = [
  'localhost',
  'local',
  'home.arpa',
  'internal',
  'lan',
  'home',
  'localdomain',
  'fritz.box',
  'intranet',
  'private',
  'corp',
  'test',
]

/** Domains reserved for other purposes (RFC 6761, 7686, 9476): neither home networks nor the internet's DNS use them. */
const reservedDomains: readonly string[] = ['invalid', 'onion', 'alt']

/** Returns whether a name is one of the domains or a subdomain of one. Case and a dot at the end are ignored. */
export function isWithin(name: string, domains: readonly string[]): boolean {
  const host = name.toLowerCase().replace(/\.$/, '')
  return domains.some((domain) => host === domain || host.endsWith(`.${domain}`))
}

/** Returns whether a host may be reachable from the internet: a public address, or a name in public DNS. */
export function isPublicHost(host: string): boolean {
  if (isIP(host) !== 0) return !isPrivate(parseAddress(host) ?? host)
  const name = host.replace(/\.$/, '')
  return name.includes('.') && !isWithin(name, homeDomains) && !isWithin(name, reservedDomains)
}

/** Returns whether a host, in the form of `parseHost`, is a name that a public certificate authority can verify. */
export function isPublicName(host: string): boolean {
  return (
    /^(?:[a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}$/.test(host) && isIP(host) === 0 && isPublicHost(host)
  )
}

/** One part of a host name. Underscores are not allowed in DNS host names (RFC 1123), but home networks have them. */
const labelPattern = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/

/**
 * Returns a host in the form of URLs: lower case, ASCII, IPv6 in brackets; a dot at the end of a name is kept. Returns null
 * for any text that is not a host.
 */
export function parseHost(text: string): string | null {
  const url = URL.canParse(`http://${text}/`) ? new URL(`http://${text}/`) : null
  // A URL leaves out an empty port and the default one.
  const hasPort = /:\d*$/.test(text)
  if (url === null || hasPort || url.href !== `http://${url.hostname}/`) return null
  return url.hostname.startsWith('[') || isHostName(url.hostname) ? url.hostname : null
}

/** URLs accept names with empty parts and with most special characters. */
function isHostName(host: string): boolean {
  const name = host.replace(/\.$/, '')
  return name.length <= 253 && name.split('.').every((label) => labelPattern.test(label))
}
