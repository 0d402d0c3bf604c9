import { isNetwork } from '../domain/networks'
import { InvalidSetting, parseList } from './values'

/** Parses a list of addresses, and networks in CIDR notation. Throws InvalidSetting. */
export function parseNetworks(text: string): readonly string[] {
  const networks = parseList(text)
  const invalid = networks.find((network) => !isNetwork(network))
  if (invalid === undefined) return networks
  throw new InvalidSetting(
    'use an address or a network such as 192.168.1.5, 10.0.0.0/8 or fd00::/8',
    { value: invalid, noun: 'network' },
  )
}
