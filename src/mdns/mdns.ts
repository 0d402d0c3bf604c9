import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { errorMessage } from '../domain/errors'
import { type Link, openLink } from './link'
import { mdnsHostName } from './records'
import { type AnnouncedLink, type AnnounceOptions, startResponder } from './responder'

export interface Mdns {
  /** Says goodbye and lets go of the sockets. */
  stop(): Promise<void>
}

/** How often the interfaces are looked at, in milliseconds. */
const pollInterval = 10_000

/**
 * The host names that are announced, the first unless other hosts have it. A certificate of our own should be good for all
 * of them; further ones are possible, where others have all of these.
 */
export const mdnsHostNames: readonly string[] = [1, 2, 3].map(mdnsHostName)

/**
 * Announces a service on every network of this machine by multicast DNS (RFC 6762 and 6763), and again when its addresses
 * change, until it is stopped. What goes wrong is in the log at warn and stops nothing.
 */
export function startMdns(
  options: AnnounceOptions & {
    /** Whether the server is reached at an address of this machine. */
    readonly isServed: (address: string) => boolean
  },
): Mdns {
  const { wait, log } = options
  const stopping = new AbortController()
  const { signal } = stopping
  const open = new Map<string, AnnouncedLink & { readonly socket: Link; readonly state: string }>()
  let ownAddresses = new Set<string>()
  let lastWarning = ''

  const responder = startResponder({
    ...options,
    links: () => [...open.values()],
    isOwnAddress: (address) => ownAddresses.has(address),
  })

  /** Once for each thing that is wrong, however long it lasts. */
  const warn = (what: string): void => {
    if (what !== lastWarning) log.warn(what)
    lastWarning = what
  }

  const close = async (key: string): Promise<void> => {
    const link = open.get(key)
    open.delete(key)
    await link?.socket.close()
  }

  /** Opens a link; false where that can't be. */
  const add = async (key: string, network: Network): Promise<boolean> => {
    const { name, bindings, addresses, state } = network
    try {
      const socket = await openLink(name, bindings, {
        onPacket: (_, packet, from) => {
          const link = open.get(key)
          if (link !== undefined) responder.receive(link, packet, from)
        },
        onError: (error) => {
          warn(`${name} can't be announced on any more: ${errorMessage(error)}`)
          open.delete(key)
        },
      })
      const send = socket.send
      open.set(key, { name: socket.name, send, addresses, socket, state })
      return true
    } catch (error) {
      warn(`nothing can be announced on ${name}: ${errorMessage(error)}`)
      return false
    }
  }

  const refreshLinks = async (): Promise<void> => {
    const found = readInterfaces()
    ownAddresses = new Set(found.flatMap(([, infos]) => infos.map(({ address }) => address)))
    const networks = networksOf(found, options.isServed)
    let hasChanged = false
    for (const [key, { state }] of open) {
      if (networks.get(key)?.state === state) continue
      await close(key)
      hasChanged = true
    }
    for (const [key, network] of networks) {
      if (!open.has(key) && !signal.aborted) hasChanged = (await add(key, network)) || hasChanged
    }
    if (networks.size === 0)
      warn('nothing is announced: no network reaches a listener of this server')
    else if (hasChanged) responder.refresh()
  }

  const running = (async () => {
    while (!signal.aborted) {
      await refreshLinks()
      await wait(pollInterval, signal).catch(() => {})
    }
  })()
  running.catch((fault) => log.error('networks are not looked at any more', fault))

  return {
    async stop() {
      stopping.abort()
      await running.catch(() => {})
      await responder.stop()
      await Promise.all([...open.keys()].map(close))
    },
  }
}

/** What is to be announced on one interface by one version of IP. */
interface Network {
  readonly name: string
  readonly bindings: readonly NetworkInterfaceInfo[]
  readonly addresses: readonly string[]
  /** Changes with everything that matters. */
  readonly state: string
}

type Interfaces = readonly (readonly [string, readonly NetworkInterfaceInfo[]])[]

/** None where the system does not tell, as in some sandboxes. */
function readInterfaces(): Interfaces {
  try {
    return Object.entries(networkInterfaces()).map(([name, infos]) => [name, infos ?? []] as const)
  } catch {
    return []
  }
}

function networksOf(
  found: Interfaces,
  isServed: (address: string) => boolean,
): ReadonlyMap<string, Network> {
  const networks = new Map<string, Network>()
  for (const [name, infos] of found) {
    const others = infos.filter(({ internal }) => !internal)
    const addresses = announcedAddresses(others).filter(isServed)
    if (addresses.length === 0) continue
    for (const family of ['IPv4', 'IPv6'] as const) {
      const bindings = others.filter((info) => info.family === family)
      if (bindings.length === 0) continue
      const state = JSON.stringify([addresses, bindings.map(({ cidr }) => cidr)])
      networks.set(`${name} ${family}`, { name, bindings, addresses, state })
    }
  }
  return networks
}

/** Addresses that the machine gave itself are of use only where there are no others, and those of IPv6 need a zone. */
function announcedAddresses(infos: readonly NetworkInterfaceInfo[]): readonly string[] {
  const addresses = infos
    .map(({ address }) => address)
    .filter((address) => !/^fe80:/i.test(address))
    .sort()
  const given = addresses.filter((address) => !address.startsWith('169.254.'))
  return given.length > 0 ? given : addresses
}
