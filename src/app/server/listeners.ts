import type { Settings } from '../../config/settings'
import type { CertificateSource } from '../../domain/certificates'
import { DomainError, hintField } from '../../domain/errors'
import { createNetworkMatcher } from '../../domain/networks'
import type { MonotonicClock, Wait } from '../../domain/runtime'
import type { Api } from '../../http/api'
import { createClientResolver } from '../../http/client'
import { type AnsweredRequest, type Listener, listen } from '../../http/listener'
import type { Log } from '../../log'
import { type PlannedListener, planListeners } from './listener-plan'
import { openAt } from './open-at'
import type { ProxyWatch } from './proxy-watch'

/** All listeners of a server. */
export interface Listeners extends Pick<Listener, 'stop' | 'countRunning'> {
  /** Their addresses with the real ports, plain HTTP first. */
  readonly urls: readonly URL[]
}

/**
 * Listens at every address of the settings; for HTTPS only if there are `certificates`. Does without a wish that can't be had,
 * and says so. Throws a DomainError if another address can't be used; then it listens at none.
 */
export async function startListeners(deps: {
  api: Api
  settings: Settings
  certificates: CertificateSource | null
  proxies: Pick<ProxyWatch, 'note'>
  monotonicClock: MonotonicClock
  wait: Wait
  log: Log
  onAnswer?: (answered: AnsweredRequest) => void
}): Promise<Listeners> {
  const { settings, certificates, proxies } = deps
  const isProxy = createNetworkMatcher(settings.trustedProxies)
  const resolveClient = createClientResolver(isProxy, proxies.note)
  const start = (listener: PlannedListener) =>
    openListener(listener, () =>
      listen(deps.api, listener.address, {
        ...deps,
        certificates: listener.isTls ? certificates : null,
        isIpv6Only: listener.isIpv6Only,
        resolveClient,
      }),
    )
  const listeners: Listener[] = []
  try {
    for (const group of groupsOf(settings, certificates !== null)) {
      listeners.push(...(await openGroup(group, start, deps.log)))
    }
  } catch (error) {
    await closeAll(listeners)
    throw error
  }
  return {
    urls: listeners.map(({ url }) => url),
    async stop(options) {
      await Promise.all(listeners.map((listener) => listener.stop(options)))
    },
    countRunning: () => listeners.reduce((sum, listener) => sum + listener.countRunning(), 0),
  }
}

/** Returns the planned listeners in groups that are opened whole or not at all: a half of HTTPS by default would be confusing. */
function groupsOf(settings: Settings, hasTls: boolean): readonly (readonly PlannedListener[])[] {
  const planned = planListeners(settings).filter(({ isTls }) => hasTls || !isTls)
  const isTlsWish = ({ isTls, isWish }: PlannedListener) => isTls && isWish
  return [
    ...planned.filter((listener) => !isTlsWish(listener)).map((listener) => [listener]),
    planned.filter(isTlsWish),
  ]
}

/** Returns the open listeners of a group, none for a wish that can't be had. Throws a DomainError. */
async function openGroup(
  group: readonly PlannedListener[],
  start: (listener: PlannedListener) => Promise<Listener | null>,
  log: Log,
): Promise<readonly Listener[]> {
  const opened: Listener[] = []
  try {
    for (const planned of group) {
      const listener = await start(planned)
      if (listener !== null) opened.push(listener)
    }
    return opened
  } catch (error) {
    await closeAll(opened)
    const [first] = group
    if (!(error instanceof DomainError) || first?.isWish !== true) throw error
    const loss = first.isTls ? 'HTTPS is off' : 'clients reach this server by IPv4 only'
    log.warn(`${loss}: ${error.message}`, hintField(error))
    return []
  }
}

async function closeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.stop({ now: true })))
}

/** Returns null for the IPv6 half of all addresses on a machine without IPv6. Throws a DomainError. */
async function openListener(
  { address, isTls, isIpv6Half }: PlannedListener,
  open: () => Listener,
): Promise<Listener | null> {
  try {
    return await openAt(address, isTls ? '--listen-tls' : '--listen', open)
  } catch (error) {
    const cause = error instanceof DomainError ? error.cause : null
    if (
      isIpv6Half &&
      cause !== null &&
      (await import('./listen-error')).isMissingIpv6(address, cause)
    )
      return null
    throw error
  }
}
