import { describe, expect, test } from 'bun:test'
import { type DecodedPacket, decode, encode, type Packet } from 'dns-packet'
import { createLog } from '../../src/log'
import type { Peer } from '../../src/mdns/link'
import { type AnnouncedLink, startResponder } from '../../src/mdns/responder'
import { manualTiming } from '../support/timing'

const type = '_snailpass._tcp.local'
const second = 1_000

/** Starts a responder on a link that records what is sent, and when. `fraction` is what every random number is. */
function startTestResponder(options: { fraction?: number; hasLink?: boolean } = {}) {
  const { clock, wait, advance } = manualTiming()
  const start = clock()
  const sent: { at: number; packet: DecodedPacket; to: Peer | undefined }[] = []
  const link: AnnouncedLink = {
    name: 'link',
    addresses: ['10.0.0.1'],
    send: (bytes, to) => {
      sent.push({ at: clock() - start, packet: decode(Buffer.from(bytes)), to })
    },
  }
  const links = options.hasLink === false ? [] : [link]
  const lines: string[] = []
  const named: string[] = []
  const responder = startResponder({
    service: { instance: 'pi', port: 5000, txt: { path: '/' } },
    monotonicClock: clock,
    wait,
    random: (count) => new Uint8Array(count).fill((options.fraction ?? 0) * 256),
    log: createLog('json', clock, (line) => lines.push(line)),
    onNamed: (host) => named.push(host),
    links: () => links,
    isOwnAddress: (address) => address === '10.0.0.1',
  })
  return {
    responder,
    advance,
    links,
    link,
    named,
    sent,
    entries: () =>
      lines.map((line) => {
        const { time: _, ...entry } = JSON.parse(line)
        return entry
      }),
    receive: (packet: Packet, from: Peer = { address: '10.0.0.2', port: 5353 }) =>
      responder.receive(link, encode(packet), from),
    /** What was sent so far, as kind and time since the start. */
    times: () => sent.map(({ at, packet }) => `${packet.type} ${at}`),
    [Symbol.asyncDispose]: () => responder.stop(),
  }
}

const ask = (name: string, kind: 'A' | 'PTR' = 'A'): Packet => ({
  type: 'query',
  questions: [{ name, type: kind, class: 'IN' }],
})
const claim = (name: string): Packet => ({
  type: 'response',
  answers: [{ name, type: 'A', ttl: 120, data: '10.0.0.9' }],
})
const probe = (data: string): Packet => ({
  type: 'query',
  questions: [{ name: 'snailpass.local', type: 'A', class: 'IN' }],
  authorities: [{ name: 'snailpass.local', type: 'A', ttl: 120, data }],
})

/** What is left after the names are probed and announced. */
async function startAnnounced(fraction = 0) {
  const setup = startTestResponder({ fraction })
  await setup.advance(10 * second)
  setup.sent.length = 0
  return setup
}

describe('names', () => {
  test.each([
    [0, 0],
    [0.5, 125],
  ])(
    'are probed three times in 250 ms each, and announced twice in a second (random %p)',
    async (fraction, delay) => {
      await using setup = startTestResponder({ fraction })
      expect(setup.responder.names()).toBeNull()
      await setup.advance(delay + 749)
      expect(setup.responder.names()).toBeNull()
      expect(setup.named).toEqual([])
      await setup.advance(3_600 * second)
      expect(setup.times()).toEqual([
        `query ${delay}`,
        `query ${delay + 250}`,
        `query ${delay + 500}`,
        `response ${delay + 750}`,
        `response ${delay + 1_750}`,
      ])
      expect(setup.responder.names()).toEqual({ host: 'snailpass.local', instance: `pi.${type}` })
      expect(setup.named).toEqual(['snailpass.local'])
      expect(setup.entries()).toEqual([
        {
          level: 'info',
          message: 'announced on the local network as snailpass.local',
          service: `pi.${type}`,
        },
      ])
    },
  )

  test('are announced with the lifetime of each record, and withdrawn with none', async () => {
    const setup = startTestResponder()
    await setup.advance(10 * second)
    const lifetimes = () =>
      setup.sent
        .at(-1)
        ?.packet.answers?.map((record) => [
          record.type,
          'ttl' in record && record.ttl,
          'flush' in record && record.flush,
        ])
    expect(lifetimes()).toEqual([
      ['A', 120, true],
      ['SRV', 120, true],
      ['TXT', 4500, true],
      ['PTR', 4500, false],
      ['PTR', 4500, false],
    ])
    const before = setup.sent.length
    await setup.responder.stop()
    expect(setup.sent).toHaveLength(before + 1)
    expect(lifetimes()).toEqual([
      ['A', 0, true],
      ['SRV', 0, true],
      ['TXT', 0, true],
      ['PTR', 0, false],
      ['PTR', 0, false],
    ])
    setup.receive(ask('snailpass.local'))
    await setup.advance(10 * second)
    expect(setup.sent).toHaveLength(before + 1)
  })

  test('that are not announced yet are not withdrawn', async () => {
    const setup = startTestResponder()
    await setup.advance(600)
    await setup.responder.stop()
    await setup.advance(10 * second)
    expect(setup.times()).toEqual(['query 0', 'query 250', 'query 500'])
  })

  test('that another host has are replaced at once, only those', async () => {
    await using setup = startTestResponder()
    await setup.advance(300)
    setup.receive(claim('snailpass.local'))
    await setup.advance(10 * second)
    expect(setup.times()).toEqual([
      'query 0',
      'query 250',
      'query 300',
      'query 550',
      'query 800',
      'response 1050',
      'response 2050',
    ])
    expect(setup.responder.names()).toEqual({ host: 'snailpass-2.local', instance: `pi.${type}` })
    expect(setup.entries()).toEqual([
      {
        level: 'warn',
        message: 'another host has the name snailpass.local: announcing snailpass-2.local instead',
      },
      expect.objectContaining({ message: 'announced on the local network as snailpass-2.local' }),
    ])
  })

  test.each([
    [
      'a greater address',
      '10.0.0.2',
      [
        'query 0',
        'query 250',
        'query 1300',
        'query 1550',
        'query 1800',
        'response 2050',
        'response 3050',
      ],
    ],
    [
      'a smaller address',
      '10.0.0.0',
      ['query 0', 'query 250', 'query 500', 'response 750', 'response 1750'],
    ],
  ])(
    'that another host probes with %s are probed again a second later, or not',
    async (_, address, times) => {
      await using setup = startTestResponder()
      await setup.advance(300)
      setup.receive(probe(address))
      await setup.advance(10 * second)
      expect(setup.times()).toEqual(times)
      expect(setup.responder.names()?.host).toBe('snailpass.local')
    },
  )

  test('are probed at their times whatever hosts say of other names', async () => {
    await using setup = startTestResponder()
    await setup.advance(100)
    setup.receive(claim('nas.local'))
    await setup.advance(100)
    setup.receive({ ...probe('10.0.0.2'), authorities: [] })
    await setup.advance(10 * second)
    expect(setup.times()).toEqual([
      'query 0',
      'query 250',
      'query 500',
      'response 750',
      'response 1750',
    ])
  })

  test('are probed for a minute later after ten conflicts, and at once again after a success', async () => {
    await using setup = startTestResponder()
    const { advance, receive, sent } = setup
    const objectTo = async (number: number) => {
      receive(claim(number === 1 ? 'snailpass.local' : `snailpass-${number}.local`))
      await advance(1)
    }
    await advance(1)
    for (let number = 1; number <= 10; number++) await objectTo(number)
    const before = sent.length
    expect(before).toBe(11)
    await objectTo(11)
    await advance(60 * second - 2)
    expect(sent).toHaveLength(before)
    await advance(2)
    expect(sent).toHaveLength(before + 1)
    await advance(10 * second)
    expect(setup.responder.names()?.host).toBe('snailpass-12.local')
    sent.length = 0
    await objectTo(12)
    expect(sent).toHaveLength(1)
  })

  test('are probed again when an address has changed, without a conflict', async () => {
    await using setup = await startAnnounced()
    setup.responder.refresh()
    await setup.advance(10 * second)
    expect(setup.times().map((line) => line.split(' ')[0])).toEqual([
      'query',
      'query',
      'query',
      'response',
      'response',
    ])
    expect(setup.named).toEqual(['snailpass.local'])
    expect(setup.entries()).toHaveLength(1)
  })

  test('are probed once there is a network', async () => {
    await using setup = startTestResponder({ hasLink: false })
    await setup.advance(100 * second)
    expect(setup.responder.names()).toBeNull()
    setup.links.push(setup.link)
    setup.responder.refresh()
    await setup.advance(10 * second)
    expect(setup.sent).toHaveLength(5)
  })
})

describe('a query', () => {
  test.each([
    [0, 20],
    [0.5, 70],
  ])(
    'that every server answers is answered after 20 to 120 ms (random %p)',
    async (fraction, delay) => {
      await using setup = await startAnnounced(fraction)
      setup.receive(ask(type, 'PTR'))
      await setup.advance(delay - 1)
      expect(setup.sent).toEqual([])
      await setup.advance(1)
      expect(setup.sent).toHaveLength(1)
      expect(setup.sent[0]?.to).toBeUndefined()
      expect(setup.sent[0]?.packet.answers?.map(({ type: kind }) => kind)).toEqual(['PTR'])
      expect(setup.sent[0]?.packet.additionals?.map(({ type: kind }) => kind)).toEqual([
        'A',
        'SRV',
        'TXT',
      ])
    },
  )

  test.each([
    ['an ordinary one', ask('snailpass.local'), 1_000],
    ['a probe', probe('10.0.0.2'), 200],
  ])('is answered at once, and again %s', async (_, query, interval) => {
    await using setup = await startAnnounced()
    const answers = async () => {
      setup.receive(query)
      await setup.advance(0)
      return setup.sent.length
    }
    expect(await answers()).toBe(1)
    await setup.advance(interval - 1)
    expect(await answers()).toBe(1)
    await setup.advance(1)
    expect(await answers()).toBe(2)
  })

  test('that asks for a reply of its own gets one, as often as it asks', async () => {
    await using setup = await startAnnounced()
    const packet = encode(ask('snailpass.local'))
    // The top bit of the class of the question, which is at the end.
    packet[packet.length - 2] = 0x80
    const from = { address: '10.0.0.2', port: 5353 }
    setup.responder.receive(setup.link, packet, from)
    setup.responder.receive(setup.link, packet, from)
    expect(setup.sent.map(({ to }) => to)).toEqual([from, from])
    expect(setup.sent[0]?.packet).toMatchObject({
      id: 0,
      questions: [],
      answers: [{ ttl: 120, flush: true, data: '10.0.0.1' }],
    })
  })

  test('is not answered while the names are probed', async () => {
    await using setup = startTestResponder()
    await setup.advance(600)
    setup.receive(ask('snailpass.local'))
    await setup.advance(100)
    expect(setup.times()).toEqual(['query 0', 'query 250', 'query 500'])
  })

  test('with another code than a question is ignored, and so is a response with an error', async () => {
    await using setup = await startAnnounced()
    for (const flags of [0x0800, 0x4000, 0x0001, 0x0008]) {
      setup.receive({ ...ask('snailpass.local'), flags })
      setup.receive({ ...claim('snailpass.local'), flags })
    }
    await setup.advance(10 * second)
    expect(setup.sent).toEqual([])
    expect(setup.responder.names()?.host).toBe('snailpass.local')
  })

  test('a claim that does not come from the port of multicast DNS is ignored', async () => {
    await using setup = await startAnnounced()
    setup.receive(claim('snailpass.local'), { address: '10.0.0.2', port: 5354 })
    await setup.advance(10 * second)
    expect(setup.responder.names()?.host).toBe('snailpass.local')
    // A claim has the name probed again; another one while it is probed takes it away.
    setup.receive(claim('snailpass.local'))
    await setup.advance(100)
    expect(setup.responder.names()).toBeNull()
    setup.receive(claim('snailpass.local'))
    await setup.advance(10 * second)
    expect(setup.responder.names()?.host).toBe('snailpass-2.local')
  })
})
