import { chmodSync, existsSync, lchownSync, lstatSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import type { Settings } from '../../config/settings'
import type { CertificateSource } from '../../domain/certificates'
import { DomainError } from '../../domain/errors'
import { createNetworkMatcher } from '../../domain/networks'
import type { MonotonicClock, Wait } from '../../domain/runtime'
import type { Api } from '../../http/api'
import { createClientResolver } from '../../http/client'
import { type Listener, listen } from '../../http/listener'
import type { Log } from '../../log'
import { type PlannedListener, planListeners } from './listener-plan'
import type { ProxyWatch } from './proxy-watch'

/** All listeners of a server. */
export interface Listeners extends Pick<Listener, 'stop' | 'isIdle'> {
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
    isIdle: () => listeners.every((listener) => listener.isIdle()),
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
    log.warn(`${loss}: ${error.message}`, { hint: error.hint ?? '' })
    return []
  }
}

async function closeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.stop({ now: true })))
}

/** Returns null for the IPv6 half of all addresses on a machine without IPv6. Throws a DomainError. */
async function openListener(
  planned: PlannedListener,
  open: () => Listener,
): Promise<Listener | null> {
  const { address, isIpv6Half } = planned
  try {
    if (!('path' in address)) return open()
    await removeStaleSocket(address.path)
    return openSocket(address.path, open)
  } catch (cause) {
    const { isMissingIpv6, listenError } = await import('./listen-error')
    if (isIpv6Half && isMissingIpv6(address, cause)) return null
    throw cause instanceof DomainError ? cause : await listenError(planned, cause)
  }
}

/** Removes the socket of a server that was killed. Throws `conflict` if a server answers there, or if it is no socket. */
async function removeStaleSocket(path: string): Promise<void> {
  if (!existsSync(path)) return
  if (!lstatSync(path).isSocket()) {
    throw new DomainError('conflict', `${path} exists and is not a socket`, {
      hint: 'move it away, or use another path with --listen',
    })
  }
  const isAnswered = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
  if (isAnswered) {
    throw new DomainError('conflict', `another server listens on ${path}`, {
      hint: 'stop it first, or use another path with --listen',
    })
  }
  rmSync(path)
}

/**
 * Opens a socket to its owner and the group of its folder only: any process that can write to it is trusted as a proxy. The
 * socket is created with its mode: a later `chmod` would follow a link that the owner of the folder has put in its place.
 */
function openSocket(path: string, open: () => Listener): Listener {
  if (process.platform === 'win32') return open()
  const { gid } = statSync(dirname(path))
  // Root, and anyone whose own group it is. Other members of the group first keep the socket from their own one.
  const isOwnGroup = process.geteuid?.() === 0 || process.getegid?.() === gid
  const before = process.umask(isOwnGroup ? 0o117 : 0o177)
  let listener: Listener
  try {
    listener = open()
  } finally {
    process.umask(before)
  }
  const stats = lstatSync(path)
  if (isOwnGroup) lchownSync(path, stats.uid, gid)
  else if (process.getgroups?.().includes(gid) === true && stats.isSocket()) {
    lchownSync(path, stats.uid, gid)
    chmodSync(path, 0o660)
  }
  return listener
}
