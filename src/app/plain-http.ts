import type { Settings } from '../config/settings'
import { isIpv6 } from '../domain/address'
import type { NetworkMatcher } from '../domain/networks'

/**
 * Returns which clients may sign in over plain HTTP, by their address; null is an unknown one. `isLocal` tells whether an address is
 * in a network of this machine.
 *
 * Where HTTPS was asked for, only local clients may. Otherwise the operator means plain HTTP; but nobody asked for the IPv6 of the
 * default listener, where no router translates addresses, and the internet may reach what was private over IPv4.
 */
export function createPlainHttpPolicy(
  settings: Pick<Settings, 'listenTls' | 'isTlsDefault' | 'isListenDefault' | 'plainLogins'>,
  isLocal: NetworkMatcher,
): (address: string | null) => boolean {
  const { listenTls, isTlsDefault, isListenDefault, plainLogins } = settings
  if (plainLogins === 'all') return () => true
  if (listenTls.length > 0 && !isTlsDefault)
    return (address) => address !== null && isLocal(address)
  if (!isListenDefault) return () => true
  return (address) => address === null || !isIpv6(address) || isLocal(address)
}
