import { describe, expect, test } from 'bun:test'
import { decode, encode, type Packet } from 'dns-packet'
import { recordsIn, replyTo } from '../../src/mdns/answers'
import { conflictsIn, lostTiebreaks } from '../../src/mdns/conflicts'
import { mdnsHostName, mdnsHostNames } from '../../src/mdns/host-names'
import { encodeProbe, encodeResponse, legacyResponse } from '../../src/mdns/messages'
import {
  compareProbes,
  isSameRecord,
  type MdnsRecord,
  mdnsNamesOf,
  nsecRecordFor,
  recordsOf,
} from '../../src/mdns/records'

const service = { instance: 'SnailPass on pi', port: 5000, txt: { txtvers: '1', path: '/' } }
const type = '_snailpass._tcp.local'
const all = '_services._dns-sd._udp.local'
const names = mdnsNamesOf(service, { host: 1, instance: 1 })
const own = recordsOf(service, names, ['10.0.0.1', 'fd00::1'])
const [v4, v6, srv, txt] = own.unique as readonly [MdnsRecord, MdnsRecord, MdnsRecord, MdnsRecord]
const [instancePtr, typePtr] = own.shared as readonly [MdnsRecord, MdnsRecord]

test('each record has its type, lifetime in seconds, data, and whether only this host has it', () => {
  const instance = `SnailPass on pi.${type}`
  const unique = { class: 'IN', flush: true } as const
  expect(own).toEqual({
    unique: [
      { ...unique, name: 'snailpass.local', type: 'A', ttl: 120, data: '10.0.0.1' },
      { ...unique, name: 'snailpass.local', type: 'AAAA', ttl: 120, data: 'fd00::1' },
      {
        ...unique,
        name: instance,
        type: 'SRV',
        ttl: 120,
        data: { target: 'snailpass.local', port: 5000, priority: 0, weight: 0 },
      },
      { ...unique, name: instance, type: 'TXT', ttl: 4500, data: ['txtvers=1', 'path=/'] },
    ],
    shared: [
      { class: 'IN', name: type, type: 'PTR', ttl: 4500, data: instance },
      { class: 'IN', name: all, type: 'PTR', ttl: 4500, data: type },
    ],
  })
})

test('names have no number at first, and the next one after each conflict', () => {
  expect([1, 2, 10].map(mdnsHostName)).toEqual([
    'snailpass.local',
    'snailpass-2.local',
    'snailpass-10.local',
  ])
  // Those that a certificate is for.
  expect(mdnsHostNames).toEqual(['snailpass.local', 'snailpass-2.local', 'snailpass-3.local'])
  expect(mdnsNamesOf(service, { host: 1, instance: 2 })).toEqual({
    host: 'snailpass.local',
    instance: `SnailPass on pi (2).${type}`,
  })
  expect(mdnsNamesOf(service, { host: 3, instance: 1 })).toEqual({
    host: 'snailpass-3.local',
    instance: `SnailPass on pi.${type}`,
  })
})

test.each([
  ['SnailPass.LOCAL', 'snailpass.local', ['A', 'AAAA']],
  [names.instance, names.instance, ['SRV', 'TXT']],
])('the record about what %s has not lists each type once', (asked, name, rrtypes) => {
  const twoAddresses = recordsOf(service, names, ['10.0.0.1', '10.0.0.2', 'fd00::1'])
  expect(nsecRecordFor(asked, twoAddresses.unique)).toEqual({
    name,
    type: 'NSEC',
    class: 'IN',
    flush: true,
    ttl: 120,
    data: { nextDomain: name, rrtypes },
  })
  expect(nsecRecordFor('other.local', own.unique)).toBeNull()
})

/** Returns a packet as it arrives. */
const received = (packet: Packet) => decode(Buffer.from(encode({ type: 'query', ...packet })))

const ask = (
  questions: readonly (readonly [string, string])[],
  more: Partial<Packet> = {},
  isUnicast = false,
) => {
  const packet = received({
    questions: questions.map(([name, kind]) => ({ name, type: kind, class: 'IN' }) as never),
    ...more,
  })
  if (isUnicast)
    for (const question of packet.questions ?? []) question.class = 'UNKNOWN_32769' as never
  return packet
}

describe('the reply to a question', () => {
  const reply = (answers: MdnsRecord[], additionals: MdnsRecord[], isUnique: boolean) => ({
    isMulticast: true,
    isUnique,
    answers,
    additionals,
  })

  test.each([
    ['an address', [['snailpass.local', 'A']], reply([v4], [], true)],
    ['an address of IPv6, in capitals', [['SNAILPASS.LOCAL', 'AAAA']], reply([v6], [], true)],
    ['anything about the host', [['snailpass.local', 'ANY']], reply([v4, v6], [], true)],
    ['the port', [[names.instance, 'SRV']], reply([srv], [v4, v6, txt], true)],
    ['the path', [[names.instance, 'TXT']], reply([txt], [], true)],
    ['all servers', [[type, 'PTR']], reply([instancePtr], [v4, v6, srv, txt], false)],
    ['all services', [[all, 'PTR']], reply([typePtr], [v4, v6, srv, txt], false)],
    [
      'several things',
      [
        ['snailpass.local', 'A'],
        ['other.local', 'A'],
        [type, 'PTR'],
        ['snailpass.local', 'A'],
      ],
      reply([v4, instancePtr], [v6, srv, txt], false),
    ],
    [
      'what the host has not',
      [['snailpass.local', 'SRV']],
      reply([nsecRecordFor('snailpass.local', own.unique) as MdnsRecord], [], true),
    ],
    ['another host', [['other.local', 'A']], null],
    ['what every server has, by another type', [[type, 'A']], null],
    ['nothing', [], null],
  ] as const)('about %s', (_, questions, expected) => {
    expect(replyTo(ask(questions), own)).toEqual(expected as never)
  })

  test('goes to one host only if each question that is answered asks for that', () => {
    const unicast = ask(
      [
        ['snailpass.local', 'A'],
        ['other.local', 'A'],
      ],
      {},
      true,
    )
    expect(replyTo(unicast, own)?.isMulticast).toBeFalse()
    const [first, second] = unicast.questions ?? []
    if (second !== undefined) second.class = 'IN'
    expect(replyTo(unicast, own)?.isMulticast).toBeFalse()
    if (first !== undefined) first.class = 'IN'
    expect(replyTo(unicast, own)?.isMulticast).toBeTrue()
  })

  test.each([
    ['half of its lifetime', 60, null],
    ['less than half', 59, [v4]],
    ['all of it', 120, null],
  ])('has no record of which the host knows %s', (_, ttl, answers) => {
    const known = ask([['snailpass.local', 'A']], { answers: [{ ...v4, ttl } as never] })
    expect(replyTo(known, own)?.answers ?? null).toEqual(answers)
  })

  test('has what the host knows otherwise: by another name, type or value', () => {
    for (const other of [{ ...v4, name: 'other.local' }, { ...v4, data: '10.0.0.2' }, { ...v6 }]) {
      const known = ask([['snailpass.local', 'A']], { answers: [other as never] })
      expect(replyTo(known, own)?.answers).toEqual([v4])
    }
    const withoutQuestion = { ...ask([['snailpass.local', 'A']], { answers: [v4 as never] }) }
    expect(replyTo(withoutQuestion, own)).toBeNull()
  })

  test('is to the first 60 questions, and looks at the first 60 known records', () => {
    const others = (count: number) => Array(count).fill(['other.local', 'A']) as [string, string][]
    expect(replyTo(ask([...others(59), ['snailpass.local', 'A']]), own)).not.toBeNull()
    expect(replyTo(ask([...others(60), ['snailpass.local', 'A']]), own)).toBeNull()
    const knows = (count: number) =>
      ask([['snailpass.local', 'A']], {
        answers: [...Array(count).fill({ ...v4, name: 'other.local' }), v4] as never,
      })
    expect(replyTo(knows(59), own)).toBeNull()
    expect(replyTo(knows(60), own)?.answers).toEqual([v4])
  })

  test('ignores the options of a packet', () => {
    const option = { type: 'OPT', name: '.' } as never
    expect(recordsIn([option, v4 as never])).toEqual([v4])
    expect(recordsIn(undefined)).toEqual([])
  })
})

describe('a message', () => {
  test('that announces says that it comes from the host itself', () => {
    const packet = decode(Buffer.from(encodeResponse({ answers: [v4], additionals: [txt] })))
    expect(packet).toMatchObject({
      id: 0,
      type: 'response',
      flag_aa: true,
      rcode: 'NOERROR',
      questions: [],
      answers: [v4],
      additionals: [{ name: txt.name, type: 'TXT', ttl: 4500, flush: true }],
      authorities: [],
    })
  })

  test('that probes asks for anything by both names, and proposes records without claiming them', () => {
    const packet = decode(Buffer.from(encodeProbe(names, [v4, srv])))
    expect(packet).toMatchObject({
      id: 0,
      type: 'query',
      questions: [
        { name: names.host, type: 'ANY', class: 'IN' },
        { name: names.instance, type: 'ANY', class: 'IN' },
      ],
      answers: [],
      authorities: [
        { ...v4, flush: false },
        { ...srv, flush: false },
      ],
    })
  })

  test('to a host that knows only ordinary DNS repeats its question, and lasts ten seconds', () => {
    const query = ask([['snailpass.local', 'A']], { id: 4711 })
    const short = { ...v6, ttl: 9 } as MdnsRecord
    expect(
      legacyResponse(query, {
        isMulticast: true,
        isUnique: true,
        answers: [v4, short],
        additionals: [txt],
      }),
    ).toEqual({
      id: 4711,
      questions: query.questions ?? [],
      answers: [
        { ...v4, flush: false, ttl: 10 } as MdnsRecord,
        { ...short, flush: false, ttl: 9 } as MdnsRecord,
      ],
      additionals: [{ ...txt, flush: false, ttl: 10 } as MdnsRecord],
    })
  })
})

test('records are the same if type, name and data are, in whatever case', () => {
  expect(isSameRecord(srv, { ...srv, name: srv.name.toUpperCase(), ttl: 1 })).toBeTrue()
  expect(
    isSameRecord(instancePtr, { ...instancePtr, data: names.instance.toUpperCase() } as MdnsRecord),
  ).toBeTrue()
  expect(isSameRecord(v4, { ...v4, name: 'other.local' })).toBeFalse()
  expect(isSameRecord(v4, { ...v4, data: '10.0.0.2' } as MdnsRecord)).toBeFalse()
  expect(isSameRecord(v4, v6)).toBeFalse()
})

describe('another host', () => {
  const setup = {
    names,
    unique: own.unique,
    isOwnAddress: (one: string) => one === '10.0.0.1' || one === 'fd00::1',
  }
  const response = (answers: readonly object[], additionals: readonly object[] = []) =>
    ({ type: 'response', answers, additionals }) as never
  const otherSrv = { ...srv, data: { target: 'nas.local', port: 5000, priority: 0, weight: 0 } }

  test.each([
    ['an address of its own', [{ ...v4, data: '10.0.0.2' }], ['host']],
    ['an address of IPv6', [{ ...v6, data: 'fd00::2' }], ['host']],
    ['the name in capitals', [{ ...v4, name: 'SNAILPASS.LOCAL', data: '10.0.0.2' }], ['host']],
    ['the service at another host', [otherSrv], ['instance']],
    ['both', [{ ...v4, data: '10.0.0.2' }, otherSrv], ['host', 'instance']],
    ['an address of this machine', [v4, v6], []],
    ['the same service', [{ ...srv, name: names.instance.toUpperCase() }], []],
    [
      'another name',
      [
        { ...v4, name: 'nas.local', data: '10.0.0.2' },
        { ...otherSrv, name: 'x.local' },
      ],
      [],
    ],
    [
      'nothing any more',
      [
        { ...v4, data: '10.0.0.2', ttl: 0 },
        { ...otherSrv, ttl: 0 },
      ],
      [],
    ],
    ['another text', [{ ...txt, data: ['x'] }], []],
  ])('claims our names with %s', (_, records, taken) => {
    expect([...conflictsIn(response(records), setup)]).toEqual(taken as never)
    expect([...conflictsIn(response([], records), setup)]).toEqual(taken as never)
  })

  const probe = (authorities: readonly object[]) => ({ type: 'query', authorities }) as never

  test.each([
    ['a greater address', [v6, { ...v4, data: '10.0.0.2' }], ['host']],
    ['a smaller address', [v6, { ...v4, data: '10.0.0.0' }], []],
    ['fewer records that are the same', [{ ...v4, data: '10.0.0.1' }], []],
    ['more records', [{ ...v4, data: '10.0.0.1' }, v6, { ...v6, data: 'fd00::2' }], ['host']],
    ['only addresses of this machine', [v6], []],
    [
      'a greater port',
      [{ ...srv, data: { target: 'snailpass.local', port: 5001, priority: 0, weight: 0 } }, txt],
      ['instance'],
    ],
    ['the same service', [srv, txt], []],
    ['other names', [{ ...v4, name: 'nas.local', data: '10.0.0.2' }], []],
    ['nothing', [], []],
  ])('that probes at the same time wins with %s', (_, records, lost) => {
    expect([...lostTiebreaks(probe(records), setup)]).toEqual(lost as never)
  })

  test('can not take a name for which we propose nothing', () => {
    expect([
      ...lostTiebreaks(probe([{ ...v4, data: '10.0.0.2' }]), { ...setup, unique: [srv, txt] }),
    ]).toEqual([])
  })
})

test('proposed records are compared by their types first, then byte by byte, in their order', () => {
  const a = (data: string) => ({ ...v4, data }) as MdnsRecord
  expect(compareProbes([a('10.0.0.1')], [a('10.0.0.1')])).toBe(0)
  expect(compareProbes([a('10.0.0.1')], [a('10.0.0.2')])).toBe(-1)
  expect(compareProbes([a('10.0.0.2')], [a('10.0.0.1')])).toBe(1)
  expect(compareProbes([a('9.0.0.1')], [a('10.0.0.1')])).toBe(-1)
  expect(compareProbes([a('200.0.0.1')], [a('10.0.0.1')])).toBe(1)
  // By number: A (1), TXT (16), AAAA (28), SRV (33), and any other type.
  const inOrder = [a('255.0.0.0'), txt, v6, srv, instancePtr]
  for (const [index, record] of inOrder.slice(1).entries()) {
    expect(compareProbes([inOrder[index] as MdnsRecord], [record])).toBe(-1)
    expect(compareProbes([record], [inOrder[index] as MdnsRecord])).toBe(1)
  }
  expect(compareProbes([a('10.0.0.1'), a('10.0.0.3')], [a('10.0.0.2'), a('10.0.0.1')])).toBe(1)
  expect(compareProbes([a('10.0.0.3'), a('10.0.0.1')], [a('10.0.0.1'), a('10.0.0.3')])).toBe(0)
  expect(compareProbes([a('10.0.0.1')], [a('10.0.0.1'), a('10.0.0.2')])).toBe(-1)
  expect(compareProbes([a('10.0.0.1'), a('10.0.0.2')], [a('10.0.0.1')])).toBe(1)
  expect(compareProbes([], [])).toBe(0)
  // The length of the data does not come first.
  const service = (port: number, target: string) =>
    ({ ...srv, data: { target, port, priority: 0, weight: 0 } }) as MdnsRecord
  expect(compareProbes([service(5_001, 'a.local')], [service(5_000, 'longer.local')])).toBe(1)
})
