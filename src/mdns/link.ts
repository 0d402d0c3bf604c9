import { createSocket } from 'node:dgram'
import { BlockList } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'

/** Where a packet came from. */
export interface Peer {
  readonly address: string
  readonly port: number
}

/** One network that this machine is on, by one version of IP. */
export interface Link {
  /** Names interface and version. */
  readonly name: string
  /** Sends to everybody there, or to one peer. What can't be sent is lost, as packets are. */
  send(packet: Uint8Array, to?: Peer): void
  /** Lets go of the socket once what was sent is on its way. */
  close(): Promise<void>
}

/** The port and the groups of multicast DNS (RFC 6762, section 3). */
export const mdnsPort = 5353
const groups = { IPv4: '224.0.0.251', IPv6: 'ff02::fb' } as const

/** The most that a packet may have, in bytes (RFC 6762, section 17). */
const maxPacketBytes = 9000

/**
 * Packets of a link that are looked at in a second; those beyond are dropped unread: whatever a guest on the LAN sends, the
 * server has time for its users.
 */
const maxPacketsPerSecond = 200

/**
 * Listens on an interface, beside whatever else does on this machine. Rejects with what the system says. `bindings` are the
 * interface's addresses of one version of IP; packets of others than its neighbours are not heard.
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
  let heard = 0
  let isOpen = true
  const pendingSends = new Set<Promise<void>>()
  const link: Link = {
    name: `${name} ${family}`,
    send(packet, to) {
      if (!isOpen) return
      const { promise, resolve } = Promise.withResolvers<void>()
      pendingSends.add(promise)
      // Where there is no way out at present, that is seen elsewhere: the interfaces are watched.
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
    if (now !== second) [second, heard] = [now, 0]
    if (
      ++heard > maxPacketsPerSecond ||
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
    // Every packet has it, so that none from behind a router is taken for one (RFC 6762, section 11).
    socket.setMulticastTTL(255)
    // Others on this very machine listen too.
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
 * Whether an address is one of the interface's networks. On Linux every socket hears every interface, and a host that is not
 * on the link must not be answered there (RFC 6762, section 11).
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
    // Link-local addresses are the same on every link: the zone tells which one.
    if (zone !== undefined) return zones.includes(zone)
    return networks.check(address, address.includes(':') ? 'ipv6' : 'ipv4')
  }
}
