import { chmodSync, chownSync, existsSync, lstatSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { formatListenAddress, type ListenAddress } from '../../config/listen-address'
import { endpointsOf } from '../../config/listeners'
import type { Settings } from '../../config/settings'
import type { CertificateSource } from '../../domain/certificates'
import { DomainError, errorMessage } from '../../domain/errors'
import { createNetworkMatcher } from '../../domain/networks'
import type { Clock, Wait } from '../../domain/runtime'
import type { Api } from '../../http/api'
import { createClientResolver } from '../../http/client'
import { type Listener, listen } from '../../http/listener'
import type { Log } from '../../log'

/** Every door of the server. */
export interface Listeners extends Pick<Listener, 'stop' | 'isIdle'> {
  /** Where they wait, plain ones first. */
  readonly urls: readonly URL[]
}

/**
 * Starts to answer at every address of the settings, or at none: throws a DomainError for the first that can't be had.
 * `certificates` are there where HTTPS is on.
 */
export async function startListeners(
  api: Api,
  settings: Settings,
  certificates: CertificateSource | null,
  { clock, wait }: { readonly clock: Clock; readonly wait: Wait },
  log: Log,
): Promise<Listeners> {
  const resolveClient = createClientResolver(createNetworkMatcher(settings.trustedProxies))
  const listeners: Listener[] = []
  try {
    for (const { address, isTls } of endpointsOf(settings)) {
      const deps = { certificates: isTls ? certificates : null, resolveClient, clock, wait, log }
      listeners.push(await openListener(address, () => listen(api, address, deps)))
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
    const listener = open()
    setSocketPermissions(address.path)
    return listener
  } catch (cause) {
    if (cause instanceof DomainError) throw cause
    const name = formatListenAddress(address)
    throw new DomainError('unavailable', `can't listen on ${name}: ${errorMessage(cause)}`, {
      hint: 'see that it is an address of this machine and that nothing else listens there, or choose another one with --listen',
      cause,
    })
  }
}

/** What a server left that was killed. Throws `conflict` where one answers, or where something else lies. */
async function removeStaleSocket(path: string): Promise<void> {
  if (!existsSync(path)) return
  if (!lstatSync(path).isSocket()) {
    throw new DomainError('conflict', `${path} is there already, and is no socket`, {
      hint: 'move it away, or choose another path with --listen',
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
      hint: 'stop it first, or choose another path with --listen',
    })
  }
  rmSync(path)
}

/** A socket is for its owner and the group of its folder: whoever may write to it is taken for the proxy. */
function setSocketPermissions(path: string): void {
  if (process.platform === 'win32') return
  const { uid } = statSync(path)
  const { gid } = statSync(dirname(path))
  // Only to a group of ours, unless we are root.
  if (process.getuid?.() === 0 || process.getgroups?.().includes(gid) === true) {
    chownSync(path, uid, gid)
    chmodSync(path, 0o660)
  } else chmodSync(path, 0o600)
}
