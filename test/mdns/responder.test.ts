import { describe, expect, test } from 'bun:test'
import type { Answer } from 'dns-packet'
import fc from 'fast-check'
import { anAir } from '../support/air'

const type = '_snailpass._tcp.local'
const second = 1_000

const ask = (name: string, kind: 'A' | 'AAAA' | 'PTR' | 'SRV' | 'TXT', answers: Answer[] = []) => ({
  type: 'query' as const,
  questions: [{ name, type: kind, class: 'IN' as const }],
  answers,
})

const anA = (name: string, data: string, ttl = 120): Answer => ({ type: 'A', name, ttl, data })

const dataOf = (records: readonly Answer[]) =>
  records.map((record) => ('data' in record ? `${record.type} ${JSON.stringify(record.data)}` : ''))

/** An air with one host, whose names nobody else has. */
async function announced(instance = 'SnailPass on pi') {
  const air = anAir()
  const host = air.join('10.0.0.1', { instance })
  await air.pass(5 * second)
  return { air, host, [Symbol.asyncDispose]: host[Symbol.asyncDispose] }
}

describe('a server on the local network', () => {
  test('asks three times whether its names are free, and announces them twice', async () => {
    await using world = await announced()
    const { heard } = world.air
    const names = heard.map(({ packet }) => packet.questions?.map(({ name }) => name))
    const both = ['snailpass.local', `SnailPass on pi.${type}`]
    expect(names).toEqual([both, both, both, [], []])
    const all = [
      'A "10.0.0.1"',
      'SRV {"priority":0,"weight":0,"port":5000,"target":"snailpass.local"}',
      'TXT [{"type":"Buffer","data":[112,97,116,104,61,47]}]',
      `PTR "SnailPass on pi.${type}"`,
      `PTR "${type}"`,
    ]
    for (const { packet } of heard.slice(3)) expect(dataOf(packet.answers ?? [])).toEqual(all)
    expect(world.host.named).toEqual(['snailpass.local'])
    expect(world.host.responder.names()?.host).toBe('snailpass.local')
  })

  test('answers who asks for its address, its service, or what it does not have', async () => {
    await using world = await announced()
    const { air } = world
    const answer = async (question: Parameters<typeof air.say>[0]) => {
      const since = air.clock()
      air.say(question)
      await air.pass(2 * second)
      return dataOf(air.answers(since))
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

  test('tells nobody what they know, and everybody nothing twice in a second', async () => {
    await using world = await announced()
    const { air } = world
    const since = air.clock()
    air.say(ask('snailpass.local', 'A', [anA('snailpass.local', '10.0.0.1', 100)]))
    await air.pass(2 * second)
    expect(air.answers(since)).toEqual([])
    air.say(ask('snailpass.local', 'A', [anA('snailpass.local', '10.0.0.1', 30)]))
    for (let asked = 0; asked < 500; asked++) air.say(ask('snailpass.local', 'A'))
    await air.pass(100)
    expect(air.answers(since)).toHaveLength(1)
  })

  test('says once in a second what it does not have, however its name is written', async () => {
    await using world = await announced()
    const { air } = world
    const since = air.clock()
    const spellings = ['snailpass.local', 'Snailpass.local', 'SNAILPASS.local', 'snailPass.LOCAL']
    for (const spelling of spellings) air.say(ask(spelling, 'AAAA'))
    await air.pass(100)
    expect(dataOf(air.answers(since))).toEqual([
      'NSEC {"nextDomain":"snailpass.local","rrtypes":["A"]}',
    ])
    expect(air.answers(since)).toMatchObject([{ name: 'snailpass.local' }])
  })

  test('answers on when its clock is set back', async () => {
    await using world = await announced()
    const { air } = world
    air.setClocks(-3600 * second)
    const since = air.clock()
    air.say(ask('snailpass.local', 'A'))
    await air.pass(second)
    expect(dataOf(air.answers(since))).toEqual(['A "10.0.0.1"'])
  })

  test('answers those who know nothing of multicast as a common name server would', async () => {
    await using world = await announced()
    const { air } = world
    const since = air.clock()
    air.say({ ...ask('snailpass.local', 'A'), id: 4711 }, '10.0.0.50', 50_000)
    await air.pass(second)
    const replies = air.heard.filter(
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

  test('says goodbye at its end, and nothing afterwards', async () => {
    const world = await announced()
    const since = world.air.clock()
    await world.host[Symbol.asyncDispose]()
    const goodbye = world.air.answers(since)
    expect(goodbye).toHaveLength(5)
    for (const record of goodbye) expect(record).toMatchObject({ ttl: 0 })
    world.air.say(ask('snailpass.local', 'A'))
    await world.air.pass(10 * second)
    expect(world.air.answers(since)).toHaveLength(5)
  })

  test('announces itself again when its address is another one', async () => {
    await using world = await announced()
    const since = world.air.clock()
    world.host.move('10.0.0.7')
    await world.air.pass(5 * second)
    expect(dataOf(world.air.answers(since))).toContain('A "10.0.0.7"')
    expect(dataOf(world.air.answers(since))).not.toContain('A "10.0.0.1"')
    expect(world.host.log.filter((line) => line.includes('"warn"'))).toEqual([])
  })
})

describe('a name that another host has', () => {
  test('is left to it, and the log says which one is taken instead', async () => {
    await using world = await announced()
    await using late = world.air.join('10.0.0.2', { instance: 'SnailPass on nas' })
    await world.air.pass(5 * second)
    expect(late.named).toEqual(['snailpass-2.local'])
    expect(late.log.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        message:
          'another host has the name snailpass.local: snailpass-2.local is announced in its place',
      }),
    )
    await using latest = world.air.join('10.0.0.3', { instance: 'SnailPass on nas' })
    await world.air.pass(10 * second)
    expect(latest.responder.names()).toEqual({
      host: 'snailpass-3.local',
      instance: `SnailPass on nas (2).${type}`,
    })
    // Who was first keeps what it has.
    expect(world.host.responder.names()?.host).toBe('snailpass.local')
    expect(late.responder.names()?.instance).toBe(`SnailPass on nas.${type}`)
  })

  test('goes to one of those who want it at the same moment, and to one only', async () => {
    for (let round = 0; round < 10; round++) {
      const air = anAir()
      await using one = air.join('10.0.0.1')
      await using two = air.join('10.0.0.2')
      await using three = air.join('10.0.0.3')
      await air.pass(30 * second)
      const hosts = [one, two, three].map(({ responder }) => responder.names()?.host)
      expect(hosts.toSorted((one = '', other = '') => one.localeCompare(other))).toEqual([
        'snailpass-2.local',
        'snailpass-3.local',
        'snailpass.local',
      ])
    }
  })

  test('is given up when somebody insists on it later, as after two networks became one', async () => {
    await using world = await announced()
    const claim = () =>
      world.air.say({ type: 'response', answers: [anA('snailpass.local', '10.0.0.99')] })
    claim()
    await world.air.pass(300)
    claim()
    await world.air.pass(5 * second)
    expect(world.host.responder.names()?.host).toBe('snailpass-2.local')
    const since = world.air.clock()
    world.air.say(ask('snailpass.local', 'A'))
    await world.air.pass(2 * second)
    expect(world.air.answers(since)).toEqual([])
  })

  test('is kept where the other host only says goodbye, or says the same', async () => {
    await using world = await announced()
    world.air.say({ type: 'response', answers: [anA('snailpass.local', '10.0.0.99', 0)] })
    world.air.say({ type: 'response', answers: [anA('snailpass.local', '10.0.0.1')] })
    world.air.say(
      { type: 'response', answers: [anA('snailpass.local', '10.0.0.99')] },
      '10.0.0.9',
      99,
    )
    await world.air.pass(5 * second)
    expect(world.host.named).toEqual(['snailpass.local'])
    expect(world.air.heard.filter(({ packet }) => packet.type === 'query')).toHaveLength(3)
  })

  test('is looked for once a minute at most where somebody has all of them', async () => {
    await using world = await announced()
    const { air } = world
    const since = air.clock()
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
        air.say({ type: 'response', answers: [anA(`snailpass${number}.local`, '10.0.0.99')] })
      }
      await air.pass(100)
    }
    const sent = air.heard.filter(({ from, time }) => from === '10.0.0.1' && time >= since)
    expect(sent.length).toBeLessThan(60)
    expect(world.host.log.length).toBeLessThan(20)
  })
})

test('whatever comes from the network, the server answers on', async () => {
  await using world = await announced()
  const { air } = world
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, isLikely) => {
      // A header that promises something, with anything behind it.
      if (isLikely)
        bytes.set([0, 0, bytes[2] ?? 0, 0, 0, 1, 0, 1, 0, 0, 0, 1].slice(0, bytes.length))
      air.babble(bytes)
    }),
    { numRuns: 2_000 },
  )
  await air.pass(60 * second)
  const since = air.clock()
  air.say(ask(type, 'PTR'))
  await air.pass(5 * second)
  expect(air.answers(since)).not.toEqual([])
  expect(world.host.log.filter((line) => line.includes('"error"'))).toEqual([])
})
