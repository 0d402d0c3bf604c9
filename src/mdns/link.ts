import { createSocket } from 'node:dgram'
import { BlockList } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'

/** The sender of a packet. */
export interface Peer {
  readonly address: string
  readonly port: number
}

/** A network interface of this machine with one version of IP. */
export interface Link {
  /** Interface and IP version. */
  readonly name: string
  /** Multicasts a packet, or sends it to one peer. A packet that can't be sent is dropped. */
  send(packet: Uint8Array, to?: Peer): void
  /** Closes the socket once all packets are sent. */
  close(): Promise<void>
}

/** The port and the multicast groups of multicast DNS (RFC 6762, section 3). */
export const mdnsPort = 5353
const groups = { IPv4: '224.0.0.251', IPv6: 'ff02::fb' } as const

/** Limit for the size of a packet in bytes (RFC 6762, section 17). */
const maxPacketBytes = 9000

/**
 * Limit for the packets a second that are read from a link. Further ones are dropped, so that a guest on the LAN can't keep the
 * server busy.
 */
const maxPacketsPerSecond = 200

/**
 * Opens a socket on an interface; other programs of this machine may listen there too. `bindings` are the interface's
 * addresses of one IP version. Packets from outside of its networks are ignored. Rejects with the error of the system.
 */
export async function openLink(
  name: string,
  bindings: readonly NetworkInterfaceInfo[],
  deps: {
    onPacket: (link: Link, packet: Uint8Array, from: Peer) => void
    onError: (error: Error) => void
  },
): Promise<Link> {
  const [first] = bindings
  if (first === undefined) throw new Error(`${name} has no address`)
  const { family } = first
  const isV4 = family === 'IPv4'
  const group = groups[family]
  const local = isV4 ? first.address : `::%${zoneOf(name, first)}`
  const isNeighbour = createNeighbourCheck(name, bindings)
  const socket = createSocket({
    type: isV4 ? 'udp4' : 'udp6',
    reuseAddr: true,
    ...(!isV4 && { ipv6Only: true }),
  })
  let second = 0
  let received = 0
  let isOpen = true
  const pendingSends = new Set<Promise<void>>()
  const link: Link = {
    name: `${name} ${family}`,
    send(packet, to) {
      if (!isOpen) return
      const { promise, resolve } = Promise.withResolvers<void>()
      pendingSends.add(promise)
      // Errors are ignored: interfaces that go down are noticed by polling them.
      const done = () => {
        pendingSends.delete(promise)
        resolve()
      }
      try {
        socket.send(packet, to?.port ?? mdnsPort, to?.address ?? group, done)
      } catch {
        done()
      }
    },
    async close() {
      if (!isOpen) return
      isOpen = false
      await Promise.all(pendingSends)
      socket.close()
    },
  }
  socket.on('message', (packet, from) => {
    const now = Math.floor(performance.now() / 1000)
    if (now !== second) [second, received] = [now, 0]
    if (
      ++received > maxPacketsPerSecond ||
      packet.length > maxPacketBytes ||
      !isNeighbour(from.address)
    )
      return
    deps.onPacket(link, packet, from)
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(mdnsPort, () => {
      socket.off('error', reject)
      resolve()
    })
  })
  socket.on('error', (error) => {
    void link.close()
    deps.onError(error)
  })
  try {
    socket.addMembership(group, local)
    socket.setMulticastInterface(local)
    // Receivers use the TTL to recognize packets that came through a router (RFC 6762, section 11).
    socket.setMulticastTTL(255)
    // Other programs of this machine receive our packets too.
    socket.setMulticastLoopback(true)
    socket.unref()
  } catch (error) {
    await link.close()
    throw error
  }
  return link
}

function zoneOf(name: string, { scopeid }: NetworkInterfaceInfo): string {
  return process.platform === 'win32' ? String(scopeid ?? 0) : name
}

/**
 * Returns a function that tells whether an address is in one of the interface's networks. On Linux a socket receives packets of
 * every interface, and hosts outside of the link must get no reply (RFC 6762, section 11).
 */
function createNeighbourCheck(
  name: string,
  bindings: readonly NetworkInterfaceInfo[],
): (address: string) => boolean {
  const networks = new BlockList()
  for (const { cidr, family } of bindings) {
    const [address = '', prefix = ''] = (cidr ?? '').split('/')
    if (prefix !== '')
      networks.addSubnet(address, Number(prefix), family === 'IPv4' ? 'ipv4' : 'ipv6')
  }
  const zones = bindings.map((binding) => zoneOf(name, binding))
  return (from) => {
    const [address = '', zone] = from.split('%')
    // Link-local addresses exist on every link. The zone tells which link it is.
    if (zone !== undefined) return zones.includes(zone)
    return networks.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
  }
}
