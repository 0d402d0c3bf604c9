import { type DecodedPacket, decode, encode, type Packet } from 'dns-packet'
import { createLog } from '../../src/log'
import type { Peer } from '../../src/mdns/link'
import { type AnnouncedLink, type Responder, startResponder } from '../../src/mdns/responder'
import { manualTiming, random } from './timing'

/** A host on the network. */
export interface Host extends AsyncDisposable {
  readonly address: string
  readonly responder: Responder
  /** The lines of its log so far. */
  readonly log: readonly string[]
  readonly announcedNames: readonly string[]
  /** Changes its address. */
  changeAddress(address: string): void
}

/** A network of one link in virtual time. A packet reaches every host at once, also its sender, as on a real network. */
export function createVirtualNetwork() {
  const { advance, ...timing } = manualTiming()
  const capturedPackets: { from: string; packet: DecodedPacket; to: Peer | null; time: number }[] =
    []
  const hosts = new Set<{ link: AnnouncedLink; responder: Responder; address: string }>()

  const send = (from: string, bytes: Uint8Array, to: Peer | null, port = 5353) => {
    capturedPackets.push({ from, packet: decode(Buffer.from(bytes)), to, time: timing.clock() })
    if (to !== null) return
    for (const { link, responder } of [...hosts]) {
      queueMicrotask(() => responder.receive(link, bytes, { address: from, port }))
    }
  }

  return {
    capturedPackets,
    clock: timing.clock,
    advance,
    /** Multicasts a packet from an address. */
    sendPacket: (packet: Packet, from = '10.0.0.99', port = 5353) =>
      send(from, encode(packet), null, port),
    /** Multicasts any bytes. */
    sendRaw: (bytes: Uint8Array) => {
      for (const { link, responder } of hosts) {
        responder.receive(link, bytes, { address: '10.0.0.99', port: 5353 })
      }
    },
    /** Returns the answers of all responses since a time. */
    listAnswers: (since = 0) =>
      capturedPackets
        .filter(({ packet, time }) => packet.type === 'response' && time >= since)
        .flatMap(({ packet }) => packet.answers ?? []),

    join(first: string, options: { instance?: string; port?: number } = {}): Host {
      let address = first
      const log: string[] = []
      const announcedNames: string[] = []
      const link: AnnouncedLink = {
        name: 'link',
        get addresses() {
          return [address]
        },
        send: (bytes, to) => send(address, bytes, to ?? null),
      }
      const responder = startResponder({
        service: {
          instance: options.instance ?? `SnailPass on ${first}`,
          port: options.port ?? 5000,
          txt: { path: '/' },
        },
        links: () => [link],
        isOwnAddress: (other) => other === address,
        ...timing,
        random,
        log: createLog('json', timing.clock, (line) => log.push(line)),
        onNamed: (host) => announcedNames.push(host),
      })
      const host = { link, responder, address: first }
      hosts.add(host)
      return {
        address: first,
        responder,
        log,
        announcedNames,
        changeAddress(next) {
          address = next
          responder.refresh()
        },
        async [Symbol.asyncDispose]() {
          await responder.stop()
          hosts.delete(host)
        },
      }
    },
  }
}
