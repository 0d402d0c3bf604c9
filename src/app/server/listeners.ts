import { chmodSync, existsSync, lchownSync, lstatSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { formatListenAddress, type ListenAddress } from '../../config/listen-address'
import { endpointsOf } from '../../config/listeners'
import type { Settings } from '../../config/settings'
import type { CertificateSource } from '../../domain/certificates'
import { DomainError, errorMessage } from '../../domain/errors'
import { createNetworkMatcher } from '../../domain/networks'
import type { MonotonicClock, Wait } from '../../domain/runtime'
import type { Api } from '../../http/api'
import { createClientResolver } from '../../http/client'
import { type Listener, listen } from '../../http/listener'
import type { Log } from '../../log'
import type { ProxyWatch } from './proxy-watch'

/** All listeners of a server. */
export interface Listeners extends Pick<Listener, 'stop' | 'isIdle'> {
  /** Their addresses with the real ports, plain HTTP first. */
  readonly urls: readonly URL[]
}

/**
 * Listens at every address of the settings. `certificates` may be null only if no address is for HTTPS. Throws a
 * DomainError if one of the addresses can't be used; then it listens at none.
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
  const { api, settings, certificates, proxies, monotonicClock, wait, log } = deps
  const isProxy = createNetworkMatcher(settings.trustedProxies)
  const resolveClient = createClientResolver(isProxy, proxies.note)
  const listeners: Listener[] = []
  try {
    for (const { address, isTls } of endpointsOf(settings)) {
      const options = {
        certificates: isTls ? certificates : null,
        resolveClient,
        monotonicClock,
        wait,
        log,
      }
      listeners.push(await openListener(address, () => listen(api, address, options)))
    }
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.stop({ now: true })))
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

async function openListener(address: ListenAddress, open: () => Listener): Promise<Listener> {
  try {
    if (!('path' in address)) return open()
    await removeStaleSocket(address.path)
    return openSocket(address.path, open)
  } catch (cause) {
    throw cause instanceof DomainError ? cause : listenError(address, cause)
  }
}

function listenError(address: ListenAddress, cause: unknown): DomainError {
  const message = `can't listen on ${formatListenAddress(address)}`
  const isInUse = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
  if (isInUse && 'port' in address) {
    return new DomainError('unavailable', `${message}: port ${address.port} is already in use`, {
      hint: 'stop the program that uses it, or use another port with --listen',
      cause,
    })
  }
  return new DomainError('unavailable', `${message}: ${errorMessage(cause)}`, {
    hint: 'check that it is an address of this machine, or use another one with --listen',
    cause,
  })
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
