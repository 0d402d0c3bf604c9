import { BlockList, isIP } from 'node:net'
import { InvalidSetting, parseList } from './values'

/** Whether an address lies in one of some networks. Anything else than an address does not. */
export type NetworkMatcher = (address: string) => boolean

/** Reads addresses and networks in CIDR notation, with commas or spaces between them. Throws InvalidSetting. */
export function parseNetworks(text: string): readonly string[] {
  const networks = parseList(text)
  createNetworkMatcher(networks)
  return networks
}

/** Throws InvalidSetting. */
export function createNetworkMatcher(networks: readonly string[]): NetworkMatcher {
  // Apart: one list takes an IPv4 address for an IPv6 one that is mapped, and would find it in ::/3.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() }
  for (const network of networks) {
    const { address = '', prefix } =
      /^(?<address>[^/]+)(?:\/(?<prefix>\d{1,3}))?$/.exec(network)?.groups ?? {}
    const family = familyOf(address)
    const maxLength = family === 'ipv4' ? 32 : 128
    const length = prefix === undefined ? maxLength : Number(prefix)
    if (family === null || length > maxLength) {
      throw new InvalidSetting(
        `holds what is no address or network: ${network}`,
        'write them as 192.168.1.5, 10.0.0.0/8 or fd00::/8',
      )
    }
    lists[family].addSubnet(address, length, family)
  }
  return (address) => {
    const family = familyOf(address)
    return family !== null && lists[family].check(address, family)
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const family = isIP(address)
  return family === 4 ? 'ipv4' : family === 6 ? 'ipv6' : null
}

/** This machine's own and those that every home may have (RFC 1122, 1918, 3927, 4193, 4291, 6598). */
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

/** Whether an address is one of them. Anything else than an address is not. */
export const isPrivate: NetworkMatcher = createNetworkMatcher(privateNetworks)

/** Whether a host is this very machine, by its address or the name that every machine has for itself. */
export function isLoopback(host: string): boolean {
  const isLocal = isIP(host) === 4 && host.startsWith('127.')
  return isLocal || host === '::1' || host.toLowerCase() === 'localhost'
}
