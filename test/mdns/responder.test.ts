import { describe, expect, test } from 'bun:test'
import type { Answer } from 'dns-packet'
import fc from 'fast-check'
import { createVirtualNetwork } from '../support/virtual-network'

const type = '_snailpass._tcp.local'
const second = 1_000

const ask = (name: string, kind: 'A' | 'AAAA' | 'PTR' | 'SRV' | 'TXT', answers: Answer[] = []) => ({
  type: 'query' as const,
  questions: [{ name, type: kind, class: 'IN' as const }],
  answers,
})

const addressRecord = (name: string, data: string, ttl = 120): Answer => ({
  type: 'A',
  name,
  ttl,
  data,
})

const dataOf = (records: readonly Answer[]) =>
  records.map((record) => ('data' in record ? `${record.type} ${JSON.stringify(record.data)}` : ''))

/** Returns a network with one host, whose names no other host has. */
async function startAnnouncedHost(instance = 'SnailPass on pi') {
  const network = createVirtualNetwork()
  const host = network.join('10.0.0.1', { instance })
  await network.advance(5 * second)
  return { network, host, [Symbol.asyncDispose]: host[Symbol.asyncDispose] }
}

describe('a server on the local network', () => {
  test('probes three times for its names, and announces them twice', async () => {
    await using setup = await startAnnouncedHost()
    const { capturedPackets } = setup.network
    const names = capturedPackets.map(({ packet }) => packet.questions?.map(({ name }) => name))
    const both = ['snailpass.local', `SnailPass on pi.${type}`]
    expect(names).toEqual([both, both, both, [], []])
    const all = [
      'A "10.0.0.1"',
      'SRV {"priority":0,"weight":0,"port":5000,"target":"snailpass.local"}',
      'TXT [{"type":"Buffer","data":[112,97,116,104,61,47]}]',
      `PTR "SnailPass on pi.${type}"`,
      `PTR "${type}"`,
    ]
    for (const { packet } of capturedPackets.slice(3))
      expect(dataOf(packet.answers ?? [])).toEqual(all)
    expect(setup.host.announcedNames).toEqual(['snailpass.local'])
    expect(setup.host.responder.names()?.host).toBe('snailpass.local')
  })

  test('answers queries for its address, for its service, and for record types that it does not have', async () => {
    await using setup = await startAnnouncedHost()
    const { network } = setup
    const answer = async (question: Parameters<typeof network.sendPacket>[0]) => {
      const since = network.clock()
      network.sendPacket(question)
      await network.advance(2 * second)
      return dataOf(network.listAnswers(since))
    }
    expect(await answer(ask('SNAILPASS.local', 'A'))).toEqual(['A "10.0.0.1"'])
    expect(await answer(ask(type, 'PTR'))).toEqual([`PTR "SnailPass on pi.${type}"`])
    expect(await answer(ask('_services._dns-sd._udp.local', 'PTR'))).toEqual([`PTR "${type}"`])
    expect(await answer(ask('snailpass.local', 'AAAA'))).toEqual([
      'NSEC {"nextDomain":"snailpass.local","rrtypes":["A"]}',
    ])
    for (const name of ['other.local', '_http._tcp.local', '']) {
      expect(await answer(ask(name, 'PTR'))).toEqual([])
    }
  })

  test('sends no answer that the querier knows, and multicasts none twice in a second', async () => {
    await using setup = await startAnnouncedHost()
    const { network } = setup
    const since = network.clock()
    network.sendPacket(
      ask('snailpass.local', 'A', [addressRecord('snailpass.local', '10.0.0.1', 100)]),
    )
    await network.advance(2 * second)
    expect(network.listAnswers(since)).toEqual([])
    network.sendPacket(
      ask('snailpass.local', 'A', [addressRecord('snailpass.local', '10.0.0.1', 30)]),
    )
    for (let asked = 0; asked < 500; asked++) network.sendPacket(ask('snailpass.local', 'A'))
    await network.advance(100)
    expect(network.listAnswers(since)).toHaveLength(1)
  })

  test('says once in a second that it lacks a record type, however its name is spelled', async () => {
    await using setup = await startAnnouncedHost()
    const { network } = setup
    const since = network.clock()
    const spellings = ['snailpass.local', 'Snailpass.local', 'SNAILPASS.local', 'snailPass.LOCAL']
    for (const spelling of spellings) network.sendPacket(ask(spelling, 'AAAA'))
    await network.advance(100)
    expect(dataOf(network.listAnswers(since))).toEqual([
      'NSEC {"nextDomain":"snailpass.local","rrtypes":["A"]}',
    ])
    expect(network.listAnswers(since)).toMatchObject([{ name: 'snailpass.local' }])
  })

  test('answers queriers that do not know multicast DNS like an ordinary DNS server', async () => {
    await using setup = await startAnnouncedHost()
    const { network } = setup
    const since = network.clock()
    network.sendPacket({ ...ask('snailpass.local', 'A'), id: 4711 }, '10.0.0.50', 50_000)
    await network.advance(second)
    const replies = network.capturedPackets.filter(
      ({ packet, time }) => packet.type === 'response' && time >= since,
    )
    expect(replies).toMatchObject([
      {
        to: { address: '10.0.0.50', port: 50_000 },
        packet: {
          id: 4711,
          questions: [{ name: 'snailpass.local' }],
          answers: [{ ttl: 10, flush: false, data: '10.0.0.1' }],
        },
      },
    ])
  })

  test('sends a goodbye when it stops, and nothing afterwards', async () => {
    const setup = await startAnnouncedHost()
    const since = setup.network.clock()
    await setup.host[Symbol.asyncDispose]()
    const goodbye = setup.network.listAnswers(since)
    expect(goodbye).toHaveLength(5)
    for (const record of goodbye) expect(record).toMatchObject({ ttl: 0 })
    setup.network.sendPacket(ask('snailpass.local', 'A'))
    await setup.network.advance(10 * second)
    expect(setup.network.listAnswers(since)).toHaveLength(5)
  })

  test('announces itself again when its address has changed', async () => {
    await using setup = await startAnnouncedHost()
    const since = setup.network.clock()
    setup.host.changeAddress('10.0.0.7')
    await setup.network.advance(5 * second)
    expect(dataOf(setup.network.listAnswers(since))).toContain('A "10.0.0.7"')
    expect(dataOf(setup.network.listAnswers(since))).not.toContain('A "10.0.0.1"')
    expect(setup.host.log.filter((line) => line.includes('"warn"'))).toEqual([])
  })
})

describe('a name that another host has', () => {
  test('is left to it, and the log says which name is announced instead', async () => {
    await using setup = await startAnnouncedHost()
    await using late = setup.network.join('10.0.0.2', { instance: 'SnailPass on nas' })
    await setup.network.advance(5 * second)
    expect(late.announcedNames).toEqual(['snailpass-2.local'])
    expect(late.log.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        message: 'another host has the name snailpass.local: announcing snailpass-2.local instead',
      }),
    )
    await using latest = setup.network.join('10.0.0.3', { instance: 'SnailPass on nas' })
    await setup.network.advance(10 * second)
    expect(latest.responder.names()).toEqual({
      host: 'snailpass-3.local',
      instance: `SnailPass on nas (2).${type}`,
    })
    // The first host keeps its names.
    expect(setup.host.responder.names()?.host).toBe('snailpass.local')
    expect(late.responder.names()?.instance).toBe(`SnailPass on nas.${type}`)
  })

  test('goes to exactly one of the hosts that probe for it at the same time', async () => {
    for (let round = 0; round < 10; round++) {
      const network = createVirtualNetwork()
      await using one = network.join('10.0.0.1')
      await using two = network.join('10.0.0.2')
      await using three = network.join('10.0.0.3')
      await network.advance(30 * second)
      const hosts = [one, two, three].map(({ responder }) => responder.names()?.host)
      expect(hosts.toSorted((one = '', other = '') => one.localeCompare(other))).toEqual([
        'snailpass-2.local',
        'snailpass-3.local',
        'snailpass.local',
      ])
    }
  })

  test('is given up when another host claims it later, as after two networks were joined', async () => {
    await using setup = await startAnnouncedHost()
    const claim = () =>
      setup.network.sendPacket({
        type: 'response',
        answers: [addressRecord('snailpass.local', '10.0.0.99')],
      })
    claim()
    await setup.network.advance(300)
    claim()
    await setup.network.advance(5 * second)
    expect(setup.host.responder.names()?.host).toBe('snailpass-2.local')
    const since = setup.network.clock()
    setup.network.sendPacket(ask('snailpass.local', 'A'))
    await setup.network.advance(2 * second)
    expect(setup.network.listAnswers(since)).toEqual([])
  })

  test('is kept if the other host only sends a goodbye, or the same record', async () => {
    await using setup = await startAnnouncedHost()
    setup.network.sendPacket({
      type: 'response',
      answers: [addressRecord('snailpass.local', '10.0.0.99', 0)],
    })
    setup.network.sendPacket({
      type: 'response',
      answers: [addressRecord('snailpass.local', '10.0.0.1')],
    })
    setup.network.sendPacket(
      { type: 'response', answers: [addressRecord('snailpass.local', '10.0.0.99')] },
      '10.0.0.9',
      99,
    )
    await setup.network.advance(5 * second)
    expect(setup.host.announcedNames).toEqual(['snailpass.local'])
    expect(
      setup.network.capturedPackets.filter(({ packet }) => packet.type === 'query'),
    ).toHaveLength(3)
  })

  test('is probed for once a minute at most if another host claims every name', async () => {
    await using setup = await startAnnouncedHost()
    const { network } = setup
    const since = network.clock()
    for (let time = 0; time < 600; time++) {
      for (const number of [
        '',
        '-2',
        '-3',
        '-4',
        '-5',
        '-6',
        '-7',
        '-8',
        '-9',
        '-10',
        '-11',
        '-12',
      ]) {
        network.sendPacket({
          type: 'response',
          answers: [addressRecord(`snailpass${number}.local`, '10.0.0.99')],
        })
      }
      await network.advance(100)
    }
    const sent = network.capturedPackets.filter(
      ({ from, time }) => from === '10.0.0.1' && time >= since,
    )
    expect(sent.length).toBeLessThan(60)
    expect(setup.host.log.length).toBeLessThan(20)
  })
})

test('the server still answers after any packets from the network', async () => {
  await using setup = await startAnnouncedHost()
  const { network } = setup
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, isLikely) => {
      // A plausible header with random content.
      if (isLikely)
        bytes.set([0, 0, bytes[2] ?? 0, 0, 0, 1, 0, 1, 0, 0, 0, 1].slice(0, bytes.length))
      network.sendRaw(bytes)
    }),
    { numRuns: 2_000 },
  )
  await network.advance(60 * second)
  const since = network.clock()
  network.sendPacket(ask(type, 'PTR'))
  await network.advance(5 * second)
  expect(network.listAnswers(since)).not.toEqual([])
  expect(setup.host.log.filter((line) => line.includes('"error"'))).toEqual([])
})
