import { hostname } from 'node:os'
import type { ListenAddress } from '../../config/listen-address'
import type { Settings } from '../../config/settings'
import { portOf } from '../../http/base-url'
import type { Log } from '../../log'
import { type Mdns, startMdns } from '../../mdns/mdns'
import type { Runtime } from '../runtime'

/**
 * Announces the server on the local network where the settings want it; null where they do not. `urls` are where it listens,
 * plain HTTP first: that is what clients look for which know nothing of our certificates.
 */
export function startAnnouncing(
  settings: Settings,
  urls: readonly URL[],
  runtime: Runtime,
  log: Log,
  onNamed?: (host: string) => void,
): Mdns | null {
  const networkUrls = urls.filter(({ protocol }) => protocol !== 'unix:')
  const [first] = networkUrls
  if (!settings.mdns || first === undefined) return null
  const tls = networkUrls.find(({ protocol }) => protocol === 'https:')
  return startMdns({
    service: {
      instance: `SnailPass on ${hostLabel()}`,
      port: portOf(first),
      txt: {
        txtvers: '1',
        path: '/',
        tls: first === tls ? 'yes' : 'no',
        ...(tls !== undefined && first !== tls && { tlsport: String(portOf(tls)) }),
      },
    },
    isServed: isServedBy([...settings.listen, ...settings.listenTls]),
    ...runtime,
    log,
    ...(onNamed !== undefined && { onNamed }),
  })
}

/** The first label of this machine's name, so short that a number fits behind it (63 bytes in all). */
function hostLabel(): string {
  return hostname().replace(/\..*$/, '').slice(0, 40) || 'a machine without a name'
}

/** Whether one of these listeners is reached at an address of this machine. */
export function isServedBy(listeners: readonly ListenAddress[]): (address: string) => boolean {
  const hosts = listeners.flatMap((listener) => ('path' in listener ? [] : [listener.hostname]))
  return (address) =>
    // What listens on all of IPv6 takes IPv4 too.
    hosts.some((host) => host === address || host === '::') ||
    (hosts.includes('0.0.0.0') && !address.includes(':'))
}
