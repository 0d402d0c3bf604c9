import { hostname } from 'node:os'
import { isIpv6Only, type ListenAddress } from '../../config/listen-address'
import type { Settings } from '../../config/settings'
import { portOf } from '../../http/base-url'
import type { Log } from '../../log'
import type { Mdns } from '../../mdns/mdns'
import type { MdnsService } from '../../mdns/records'
import type { Runtime } from '../runtime'

/**
 * Announces the server on the local network. Returns null if the settings do not ask for that, or if it has no address
 * there. `urls` are its addresses, plain HTTP first: the first one is announced, for clients that do not trust our
 * certificates.
 */
export async function startAnnouncing(deps: {
  settings: Settings
  urls: readonly URL[]
  runtime: Runtime
  log: Log
}): Promise<Mdns | null> {
  const { settings, urls, runtime, log } = deps
  const service = settings.mdns ? serviceAt(urls) : null
  if (service === null) return null
  const { startMdns } = await import('../../mdns/mdns')
  return startMdns({
    service,
    isServed: isServedBy([...settings.listen, ...settings.listenTls]),
    ...runtime,
    log,
  })
}

/** Returns what is announced of a server with these addresses, plain HTTP first; null if it has none on a network. */
export function serviceAt(urls: readonly URL[]): MdnsService | null {
  const networkUrls = urls.filter(({ protocol }) => protocol !== 'unix:')
  const [first] = networkUrls
  if (first === undefined) return null
  const tls = networkUrls.find(({ protocol }) => protocol === 'https:')
  return {
    instance: `SnailPass on ${hostLabel()}`,
    port: portOf(first),
    txt: {
      txtvers: '1',
      path: '/',
      tls: first === tls ? 'yes' : 'no',
      ...(tls !== undefined && first !== tls && { tlsport: String(portOf(tls)) }),
    },
  }
}

/** Returns the first label of this machine's name, cut so that a number can follow (63 bytes in all). */
function hostLabel(): string {
  return hostname().replace(/\..*$/, '').slice(0, 40) || 'an unnamed machine'
}

/** Returns a function that returns whether one of these listeners accepts connections to an address of this machine. */
export function isServedBy(listeners: readonly ListenAddress[]): (address: string) => boolean {
  const hosts = listeners.flatMap((listener) => ('path' in listener ? [] : [listener.hostname]))
  // A listener on all IPv6 addresses accepts IPv4 too, unless another one does that.
  const hasBoth = listeners.some(
    (listener) =>
      'port' in listener && listener.hostname === '::' && !isIpv6Only(listener, listeners),
  )
  const hasAllIpv4 = hasBoth || hosts.includes('0.0.0.0')
  const hasAllIpv6 = hosts.includes('::')
  return (address) => hosts.includes(address) || (address.includes(':') ? hasAllIpv6 : hasAllIpv4)
}
