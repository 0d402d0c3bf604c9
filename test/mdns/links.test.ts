import { describe, expect, spyOn, test } from 'bun:test'
import * as dgram from 'node:dgram'
import { EventEmitter } from 'node:events'
import type { NetworkInterfaceInfo } from 'node:os'
import * as os from 'node:os'
import { encode } from 'dns-packet'
import { createLog } from '../../src/log'
import { openLink, type Peer } from '../../src/mdns/link'
import { startMdns } from '../../src/mdns/mdns'
import { captureError } from '../support/capture-error'
import { onPlatform } from '../support/platform'
import { manualTiming } from '../support/timing'

const infoOf = (address: string, more: Partial<NetworkInterfaceInfo> = {}): NetworkInterfaceInfo =>
  ({
    address,
    family: address.includes(':') ? 'IPv6' : 'IPv4',
    cidr: `${address}/${address.includes(':') ? 64 : 24}`,
    internal: false,
    mac: '',
    netmask: '',
    ...more,
  }) as NetworkInterfaceInfo

type Sent = readonly [Uint8Array, number, string]

/** A socket that records what is done with it. */
class FakeSocket extends EventEmitter {
  readonly calls: unknown[][] = []
  readonly sent: Sent[] = []
  readonly pending: (() => void)[] = []
  failure: Error | null = null
  closes = 0
  readonly options: unknown

  constructor(options: unknown) {
    super()
    this.options = options
  }
  bind(port: number, done: () => void) {
    this.calls.push(['bind', port])
    if (this.failure !== null) this.emit('error', this.failure)
    else done()
  }
  addMembership = (...args: unknown[]) => void this.calls.push(['addMembership', ...args])
  setMulticastInterface = (...args: unknown[]) =>
    void this.calls.push(['setMulticastInterface', ...args])
  setMulticastTTL = (...args: unknown[]) => void this.calls.push(['setMulticastTTL', ...args])
  setMulticastLoopback = (...args: unknown[]) =>
    void this.calls.push(['setMulticastLoopback', ...args])
  unref = () => void this.calls.push(['unref'])
  send(bytes: Uint8Array, port: number, address: string, done: () => void) {
    this.sent.push([bytes, port, address])
    this.pending.push(done)
  }
  close() {
    this.closes++
  }
}

/** Replaces the sockets of the system. `prepare` gets each new one. */
function interceptSockets(prepare: (socket: FakeSocket) => void = () => {}) {
  const sockets: FakeSocket[] = []
  const spy = spyOn(dgram, 'createSocket').mockImplementation(((options: unknown) => {
    const socket = new FakeSocket(options)
    prepare(socket)
    sockets.push(socket)
    return socket
  }) as never)
  return { sockets, [Symbol.dispose]: () => spy.mockRestore() }
}

const ignore = { onPacket: () => {}, onError: () => {} }

describe('a link', () => {
  test.each([
    ['IPv4', infoOf('10.0.0.5'), { type: 'udp4', reuseAddr: true }, '224.0.0.251', '10.0.0.5'],
    [
      'IPv6',
      infoOf('fd00::5'),
      { type: 'udp6', reuseAddr: true, ipv6Only: true },
      'ff02::fb',
      '::%eth0',
    ],
  ])(
    'of %s joins the group of multicast DNS on its interface only',
    async (family, info, options, group, local) => {
      using system = interceptSockets()
      const link = await openLink('eth0', [info], ignore)
      expect(link.name).toBe(`eth0 ${family}`)
      const [socket] = system.sockets
      expect(socket?.options).toEqual(options)
      expect(socket?.calls).toEqual([
        ['bind', 5353],
        ['addMembership', group, local],
        ['setMulticastInterface', local],
        ['setMulticastTTL', 255],
        ['setMulticastLoopback', true],
        ['unref'],
      ])
      link.send(new Uint8Array([1]))
      link.send(new Uint8Array([2]), { address: '10.0.0.9', port: 50_000 })
      expect(socket?.sent).toEqual([
        [new Uint8Array([1]), 5353, group],
        [new Uint8Array([2]), 50_000, '10.0.0.9'],
      ])
    },
  )

  test('of IPv6 is named by its number on Windows', async () => {
    using _ = onPlatform('win32')
    using system = interceptSockets()
    const seen: string[] = []
    await openLink('Ethernet', [infoOf('fe80::5', { scopeid: 7 } as never)], {
      ...ignore,
      onPacket: (_link, _packet, from) => seen.push(from.address),
    })
    const [socket] = system.sockets
    expect(socket?.calls[1]).toEqual(['addMembership', 'ff02::fb', '::%7'])
    for (const zone of ['7', '8', 'Ethernet']) {
      socket?.emit('message', new Uint8Array(1), { address: `fe80::1%${zone}`, port: 5353 })
    }
    expect(seen).toEqual(['fe80::1%7'])
  })

  test('is closed once all packets are sent, and sends none after that', async () => {
    using system = interceptSockets()
    const link = await openLink('eth0', [infoOf('10.0.0.5')], ignore)
    const [socket] = system.sockets
    link.send(new Uint8Array([1]))
    link.send(new Uint8Array([2]))
    const closed = link.close()
    link.send(new Uint8Array([3]))
    socket?.pending[0]?.()
    await Bun.sleep(0)
    expect(socket?.closes).toBe(0)
    socket?.pending[1]?.()
    await closed
    expect(socket?.closes).toBe(1)
    expect(socket?.sent).toHaveLength(2)
    await link.close()
    expect(socket?.closes).toBe(1)
  })

  test('drops a packet that can not be sent, and can be closed', async () => {
    using system = interceptSockets((socket) => {
      socket.send = () => {
        throw new Error('EMSGSIZE')
      }
    })
    const link = await openLink('eth0', [infoOf('10.0.0.5')], ignore)
    link.send(new Uint8Array([1]))
    await link.close()
    expect(system.sockets[0]?.closes).toBe(1)
  })

  test('that can not be bound, or joined, is not opened', async () => {
    const failure = new Error('EADDRINUSE')
    {
      using _ = interceptSockets((socket) => {
        socket.failure = failure
      })
      expect(await captureError(openLink('eth0', [infoOf('10.0.0.5')], ignore))).toBe(failure)
    }
    using system = interceptSockets((socket) => {
      socket.addMembership = () => {
        throw failure
      }
    })
    expect(await captureError(openLink('eth0', [infoOf('10.0.0.5')], ignore))).toBe(failure)
    expect(system.sockets[0]?.closes).toBe(1)
    expect(await captureError(openLink('eth0', [], ignore))).toMatchObject({
      message: 'eth0 has no address',
    })
  })

  test('that fails later is closed, which is reported', async () => {
    using system = interceptSockets()
    const errors: Error[] = []
    await openLink('eth0', [infoOf('10.0.0.5')], { ...ignore, onError: (one) => errors.push(one) })
    const failure = new Error('ENETDOWN')
    system.sockets[0]?.emit('error', failure)
    await Bun.sleep(0)
    expect(errors).toEqual([failure])
    expect(system.sockets[0]?.closes).toBe(1)
  })

  /** Opens a link and returns which packets from these senders it passes on. */
  async function received(bindings: NetworkInterfaceInfo[], packets: [Uint8Array, Peer][]) {
    using system = interceptSockets()
    const seen: string[] = []
    await openLink('eth0', bindings, {
      ...ignore,
      onPacket: (_, packet, from) => seen.push(`${from.address} ${packet.length}`),
    })
    for (const [packet, from] of packets) system.sockets[0]?.emit('message', packet, from)
    return seen
  }

  const from = (address: string): [Uint8Array, Peer] => [new Uint8Array(1), { address, port: 5353 }]

  test('reads packets from its own networks only', async () => {
    const v4 = [infoOf('10.0.0.5'), infoOf('192.168.1.5', { cidr: '192.168.1.5/16' })]
    expect(
      await received(
        v4,
        ['10.0.0.1', '10.0.0.255', '10.0.1.1', '192.168.77.1', '192.169.0.1', '8.8.8.8'].map(from),
      ),
    ).toEqual(['10.0.0.1 1', '10.0.0.255 1', '192.168.77.1 1'])
    const v6 = [infoOf('fd00::5'), infoOf('fe80::5', { scopeid: 2 } as never)]
    expect(
      await received(
        v6,
        ['fd00::77', 'fd00:0:0:1::1', 'fe80::1%eth0', 'fe80::1%eth1', '2001:db8::1'].map(from),
      ),
    ).toEqual(['fd00::77 1', 'fe80::1%eth0 1'])
    expect(await received([infoOf('10.0.0.5', { cidr: null })], [from('10.0.0.1')])).toEqual([])
  })

  test('reads packets of 9000 bytes at most, and 200 in a second', async () => {
    using now = spyOn(performance, 'now').mockReturnValue(5_000)
    const peer = { address: '10.0.0.1', port: 5353 }
    const sizes = [9_000, 9_001].map((size): [Uint8Array, Peer] => [new Uint8Array(size), peer])
    expect(await received([infoOf('10.0.0.5')], sizes)).toEqual(['10.0.0.1 9000'])
    using system = interceptSockets()
    let count = 0
    await openLink('eth0', [infoOf('10.0.0.5')], { ...ignore, onPacket: () => count++ })
    const flood = () => {
      for (let sent = 0; sent < 300; sent++) system.sockets[0]?.emit('message', ...from('10.0.0.1'))
    }
    flood()
    expect(count).toBe(200)
    now.mockReturnValue(5_999)
    flood()
    expect(count).toBe(200)
    now.mockReturnValue(6_000)
    flood()
    expect(count).toBe(400)
  })
})

describe('the server is announced', () => {
  /** Starts announcing on these interfaces, which a test can change. */
  function startTestMdns(
    interfaces: Record<string, NetworkInterfaceInfo[]>,
    isServed: (address: string) => boolean = () => true,
    prepare: (socket: FakeSocket, number: number) => void = () => {},
  ) {
    let created = 0
    const system = interceptSockets((socket) => {
      prepare(socket, ++created)
      const { send } = socket
      socket.send = (bytes, port, address, done) => {
        send.call(socket, bytes, port, address, done)
        done()
      }
    })
    const current = { interfaces }
    const reading = spyOn(os, 'networkInterfaces').mockImplementation(() => current.interfaces)
    const { clock, wait, advance } = manualTiming()
    const lines: string[] = []
    const mdns = startMdns({
      service: { instance: 'pi', port: 5000, txt: {} },
      monotonicClock: clock,
      wait,
      random: (count) => new Uint8Array(count),
      log: createLog('json', clock, (line) => lines.push(line)),
      isServed,
    })
    return {
      mdns,
      advance,
      current,
      sockets: system.sockets,
      warnings: () =>
        lines
          .map((line) => JSON.parse(line))
          .filter(({ level }) => level === 'warn')
          .map(({ message }) => message),
      opened: () =>
        system.sockets.map((one) => one.calls.find(([name]) => name === 'addMembership')?.[2]),
      async [Symbol.asyncDispose]() {
        await mdns.stop()
        reading.mockRestore()
        system[Symbol.dispose]()
      },
    }
  }

  const addressesIn = (socket: FakeSocket | undefined) =>
    String(Buffer.from(socket?.sent.at(-1)?.[0] ?? []).toString('latin1'))

  test('on each interface and version of IP, and withdrawn when it stops', async () => {
    const setup = startTestMdns({
      lo: [infoOf('127.0.0.1', { internal: true })],
      eth0: [infoOf('10.0.0.5'), infoOf('fd00::5')],
      wlan0: [infoOf('192.168.1.5')],
    })
    await using _ = setup
    await setup.advance(5_000)
    expect(setup.opened()).toEqual(['10.0.0.5', '::%eth0', '192.168.1.5'])
    expect(setup.sockets.map(({ sent }) => sent.length)).toEqual([5, 5, 5])
    expect(setup.warnings()).toEqual([])
    await setup.mdns.stop()
    expect(setup.sockets.map(({ sent, closes }) => [sent.length, closes])).toEqual([
      [6, 1],
      [6, 1],
      [6, 1],
    ])
  })

  test('only at addresses where it listens, and where a neighbour reaches it', async () => {
    await using setup = startTestMdns(
      {
        eth0: [infoOf('169.254.1.1'), infoOf('10.0.0.5'), infoOf('fe80::5'), infoOf('fd00::5')],
        eth1: [infoOf('10.9.9.9')],
        eth2: [infoOf('fe80::9')],
        eth3: [infoOf('169.254.3.3')],
        eth4: [infoOf('10.4.4.4'), infoOf('169.254.4.4')],
      },
      (address) => address !== '10.9.9.9',
    )
    await setup.advance(5_000)
    expect(setup.opened()).toEqual(['169.254.1.1', '::%eth0', '169.254.3.3', '10.4.4.4'])
    const announced = addressesIn(setup.sockets[0])
    expect(announced).toContain('\u0004\u000a\u0000\u0000\u0005')
    expect(announced).not.toContain('\u00a9\u00fe')
    expect(announced).not.toContain('\u00fe\u0080')
    // There is no other address on this one.
    expect(addressesIn(setup.sockets[2])).toContain('\u0004\u00a9\u00fe\u0003\u0003')
    expect(addressesIn(setup.sockets[3])).toContain('\u0004\u000a\u0004\u0004\u0004')
    expect(addressesIn(setup.sockets[3])).not.toContain('\u00a9\u00fe')
  })

  test('again within ten seconds when an address has changed', async () => {
    await using setup = startTestMdns({
      eth0: [infoOf('10.0.0.5')],
      wlan0: [infoOf('192.168.1.5')],
    })
    await setup.advance(5_000)
    setup.current.interfaces = { eth0: [infoOf('10.0.0.6')], wlan0: [infoOf('192.168.1.5')] }
    await setup.advance(4_999)
    expect(setup.sockets).toHaveLength(2)
    await setup.advance(1)
    expect(setup.opened()).toEqual(['10.0.0.5', '192.168.1.5', '10.0.0.6'])
    expect(setup.sockets.map(({ closes }) => closes)).toEqual([1, 0, 0])
    await setup.advance(9_999)
    expect(addressesIn(setup.sockets[2])).toContain('\u0004\u000a\u0000\u0000\u0006')
    const before = setup.sockets.map(({ sent }) => sent.length)
    await setup.advance(100_000)
    expect(setup.sockets.map(({ sent }) => sent.length)).toEqual(before)
  })

  test('nowhere without a network, which is logged once', async () => {
    await using setup = startTestMdns({})
    await setup.advance(100_000)
    expect(setup.warnings()).toEqual([
      'not announced: no network interface leads to a listener of this server',
    ])
    setup.current.interfaces = { eth0: [infoOf('10.0.0.5')] }
    await setup.advance(10_000)
    expect(setup.opened()).toEqual(['10.0.0.5'])
  })

  test('not on an interface that fails, which is logged once, until it works again', async () => {
    await using setup = startTestMdns({ eth0: [infoOf('10.0.0.5')] })
    await setup.advance(5_000)
    setup.sockets[0]?.emit('error', new Error('ENETDOWN'))
    expect(setup.warnings()).toEqual(['announcing on eth0 stopped: ENETDOWN'])
    await setup.advance(5_000)
    expect(setup.sockets).toHaveLength(2)
    expect(setup.sockets[0]?.closes).toBe(1)
    // It fails again at once, then works for a while.
    setup.sockets[1]?.emit('error', new Error('ENETDOWN'))
    expect(setup.warnings()).toHaveLength(1)
    await setup.advance(30_000)
    setup.sockets[2]?.emit('error', new Error('ENETDOWN'))
    expect(setup.warnings()).toEqual(Array(2).fill('announcing on eth0 stopped: ENETDOWN'))
  })

  test('on none of several interfaces that can not be used, each of which is logged once', async () => {
    await using setup = startTestMdns(
      { eth0: [infoOf('10.0.0.5')], wlan0: [infoOf('192.168.1.5')] },
      () => true,
      (socket) => {
        socket.failure = new Error('EACCES')
      },
    )
    await setup.advance(100_000)
    expect(setup.warnings()).toEqual([
      "can't announce on eth0: EACCES",
      "can't announce on wlan0: EACCES",
    ])
  })

  test('on the other interfaces without a pause if one can not be used, which is logged once', async () => {
    await using setup = startTestMdns(
      { eth0: [infoOf('10.0.0.5')], wlan0: [infoOf('192.168.1.5')] },
      () => true,
      (socket, number) => {
        // The first one works.
        if (number > 1) socket.failure = new Error('EACCES')
      },
    )
    await setup.advance(5_000)
    await setup.advance(100_000)
    expect(setup.warnings()).toEqual(["can't announce on wlan0: EACCES"])
    // It is tried again every ten seconds, and nothing is announced again meanwhile.
    expect(setup.sockets).toHaveLength(12)
    expect(setup.sockets[0]?.sent).toHaveLength(5)
  })

  test('over a new link only once the old one is closed', async () => {
    const held: (() => void)[] = []
    await using setup = startTestMdns({ eth0: [infoOf('10.0.0.5')] })
    await setup.advance(5_000)
    const [first] = setup.sockets
    if (first === undefined) throw new Error('no socket')
    // The answer to a query is on its way while the address changes.
    first.send = (_bytes, _port, _address, done) => void held.push(done)
    const query = encode({ questions: [{ name: 'snailpass.local', type: 'A', class: 'IN' }] })
    first.emit('message', query, { address: '10.0.0.9', port: 5353 })
    expect(held).toHaveLength(1)
    setup.current.interfaces = { eth0: [infoOf('10.0.0.6')] }
    await setup.advance(5_000)
    expect(setup.sockets).toHaveLength(1)
    held[0]?.()
    await setup.advance(0)
    expect(setup.opened()).toEqual(['10.0.0.5', '10.0.0.6'])
  })
})
