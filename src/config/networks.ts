import { isNetwork } from '../domain/networks'
import { InvalidSetting, parseList } from './values'

/** Returns the addresses and networks in CIDR notation of a list. Throws InvalidSetting, which names the wrong one. */
export function parseNetworks(text: string): readonly string[] {
  const networks = parseList(text)
  const wrong = networks.find((network) => !isNetwork(network))
  if (wrong === undefined) return networks
  throw new InvalidSetting(
    `holds what is no address or network: ${wrong}`,
    'write them as 192.168.1.5, 10.0.0.0/8 or fd00::/8',
  )
}
