/**
 * Announcing the server on the local network by multicast DNS (RFC 6762) and DNS-SD (RFC 6763). This file keeps a link open on
 * each network interface; the responder finds free names, announces them and answers queries.
 *
 * It is our own because the best library, @homebridge/ciao 1.3.12, does not do: after a conflict it takes the host name
 * `snailpass-(2).local`, which no certificate can have; it asks a shell for the interfaces every 15 s, and announces on none but the
 * loopback one where that has no answer; and it has its own clock, so that nothing of the protocol could be tested.
 */
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { startLoop } from '../background'
import { errorMessage } from '../domain/errors'
import { type Link, openLink } from './link'
import { type AnnouncedLink, type AnnounceOptions, startResponder } from './responder'

export interface Mdns {
  /** Sends a goodbye and closes the sockets. */
  stop(): Promise<void>
}

/** Milliseconds between two checks of the network interfaces. */
const pollInterval = 10_000

/**
 * Announces a service on every network of this machine, and again when its addresses change, until it is stopped. Problems are
 * logged at warn and stop nothing.
 */
export function startMdns(
  options: AnnounceOptions & {
    /** Whether the server listens on an address of this machine. */
    readonly isServed: (address: string) => boolean
  },
): Mdns {
  const { wait, log } = options
  const open = new Map<string, AnnouncedLink & { readonly socket: Link; readonly state: string }>()
  let ownAddresses = new Set<string>()
  /** Problems since the last check of the interfaces, and in the time between the two checks before. */
  let [problems, earlierProblems] = [new Set<string>(), new Set<string>()]

  const responder = startResponder({
    ...options,
    links: () => [...open.values()],
    isOwnAddress: (address) => ownAddresses.has(address),
  })

  /** Logs a problem once for as long as it lasts, whichever others there are. */
  const warn = (problem: string): void => {
    if (!problems.has(problem) && !earlierProblems.has(problem)) log.warn(problem)
    problems.add(problem)
  }

  const close = async (key: string): Promise<void> => {
    const link = open.get(key)
    open.delete(key)
    await link?.socket.close()
  }

  /** Opens a link. Returns false if that fails. */
  const add = async (key: string, network: Network): Promise<boolean> => {
    const { name, bindings, addresses, state } = network
    try {
      const socket = await openLink(name, bindings, {
        onPacket: (_, packet, from) => {
          const link = open.get(key)
          if (link !== undefined) responder.receive(link, packet, from)
        },
        onError: (error) => {
          warn(`announcing on ${name} stopped: ${errorMessage(error)}`)
          open.delete(key)
        },
      })
      const send = socket.send
      open.set(key, { name: socket.name, send, addresses, socket, state })
      return true
    } catch (error) {
      warn(`can't announce on ${name}: ${errorMessage(error)}`)
      return false
    }
  }

  const refreshLinks = async (signal: AbortSignal): Promise<void> => {
    earlierProblems = problems
    problems = new Set()
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
      warn('not announced: no network interface leads to a listener of this server')
    else if (hasChanged) responder.refresh()
  }

  const loop = startLoop(
    { name: 'checking the network interfaces', wait, log, retryDelay: pollInterval },
    async (signal) => {
      await refreshLinks(signal)
      return pollInterval
    },
  )

  return {
    async stop() {
      await loop.stop()
      await responder.stop()
      await Promise.all([...open.keys()].map(close))
    },
  }
}

/** What to announce on one interface with one version of IP. */
interface Network {
  readonly name: string
  readonly bindings: readonly NetworkInterfaceInfo[]
  readonly addresses: readonly string[]
  /** A text that changes whenever the link must be opened again. */
  readonly state: string
}

type Interfaces = readonly (readonly [string, readonly NetworkInterfaceInfo[]])[]

/** Returns the network interfaces; none if the system hides them, as some sandboxes do. */
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

/**
 * Returns the addresses to announce. Self-assigned IPv4 addresses are left out if there are others, and link-local IPv6
 * addresses always, since they are useless without a zone.
 */
function announcedAddresses(infos: readonly NetworkInterfaceInfo[]): readonly string[] {
  const addresses = infos
    .map(({ address }) => address)
    .filter((address) => !/^fe80:/i.test(address))
    .sort()
  const assigned = addresses.filter((address) => !address.startsWith('169.254.'))
  return assigned.length > 0 ? assigned : addresses
}
