import { type Endpoint, isIpv6Half, isIpv6Only } from '../../config/listen-address'
import { endpointsOf } from '../../config/listeners'
import type { Settings } from '../../config/settings'
import { hasIpv6 } from '../local-addresses'

type ListenerSettings = Pick<Settings, 'listen' | 'listenTls' | 'isListenDefault' | 'isTlsDefault'>

/** A listener of the settings, and what the server does without it. */
export interface PlannedListener extends Endpoint {
  /** Whether it must leave IPv4 to another listener. */
  readonly isIpv6Only: boolean
  /** Whether it is half of all addresses: a machine without IPv6 is not worth a word. */
  readonly isIpv6Half: boolean
  /** Whether nobody asked for it and earlier versions had none: the server does without it, and says why. */
  readonly isWish: boolean
}

/** Returns the listeners of the settings in the order of `endpointsOf`, without IPv6 that this machine does not have. */
export function planListeners(settings: ListenerSettings): readonly PlannedListener[] {
  const endpoints = endpointsOf(settings)
  const all = endpoints.map(({ address }) => address)
  const planned = endpoints.map((endpoint): PlannedListener => {
    const { address, isTls } = endpoint
    const isHalf = isIpv6Half(address, isTls ? settings.listenTls : settings.listen)
    return {
      ...endpoint,
      isIpv6Only: isIpv6Only(address, all),
      isIpv6Half: isHalf,
      isWish: isTls ? settings.isTlsDefault : settings.isListenDefault && isHalf,
    }
  })
  return planned.some((listener) => listener.isIpv6Half) && !hasIpv6()
    ? planned.filter((listener) => !listener.isIpv6Half)
    : planned
}

/** Returns the endpoints without which the server does not start. */
export function requiredEndpointsOf(settings: ListenerSettings): readonly Endpoint[] {
  return planListeners(settings)
    .filter(({ isWish }) => !isWish)
    .map(({ address, isTls }) => ({ address, isTls }))
}
