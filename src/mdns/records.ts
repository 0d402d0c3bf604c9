import { type Answer, encode, type OptAnswer } from 'dns-packet'

/** What is announced, under which names. */
export interface MdnsService {
  /** Without dots, 63 bytes at most: `SnailPass on pi`. */
  readonly instance: string
  readonly port: number
  readonly txt: Readonly<Record<string, string>>
}

/** Names on the link, which are ours alone as soon as nobody objects. */
export interface MdnsNames {
  /** As `snailpass.local`. */
  readonly host: string
  /** As `SnailPass on pi._snailpass._tcp.local`. */
  readonly instance: string
}

/** Every kind of record but the options of a packet. */
export type MdnsRecord = Exclude<Answer, OptAnswer>

const serviceType = '_snailpass._tcp.local'
const allServices = '_services._dns-sd._udp.local'

/** Lives of records in seconds: of what hangs on an address, and of the rest (RFC 6762, section 10). */
const hostTtl = 120
const defaultTtl = 4500

/** The names of the nth try: `snailpass.local`, `snailpass-2.local`, … */
export function mdnsNamesOf(
  service: MdnsService,
  tries: { host: number; instance: number },
): MdnsNames {
  return {
    host: mdnsHostName(tries.host),
    instance: `${service.instance}${tries.instance > 1 ? ` (${tries.instance})` : ''}.${serviceType}`,
  }
}

/** The first name that is tried for the host is number 1. */
export function mdnsHostName(number: number): string {
  return `snailpass${number > 1 ? `-${number}` : ''}.local`
}

/** The records of a link: those that are ours alone there, and those that every server of our kind has. */
export function recordsOf(
  service: MdnsService,
  { host, instance }: MdnsNames,
  addresses: readonly string[],
): { unique: readonly MdnsRecord[]; shared: readonly MdnsRecord[] } {
  const own = { flush: true, class: 'IN' } as const
  const txt = Object.entries(service.txt).map(([name, value]) => `${name}=${value}`)
  return {
    unique: [
      ...addresses.map((data) => ({
        ...own,
        name: host,
        type: data.includes(':') ? ('AAAA' as const) : ('A' as const),
        ttl: hostTtl,
        data,
      })),
      {
        ...own,
        name: instance,
        type: 'SRV',
        ttl: hostTtl,
        data: { target: host, port: service.port, priority: 0, weight: 0 },
      },
      { ...own, name: instance, type: 'TXT', ttl: defaultTtl, data: txt },
    ],
    shared: [
      { name: serviceType, type: 'PTR', class: 'IN', ttl: defaultTtl, data: instance },
      { name: allServices, type: 'PTR', class: 'IN', ttl: defaultTtl, data: serviceType },
    ],
  }
}

/** Says that a name of ours has no records besides these (RFC 6762, section 6.1): nobody waits for others then. */
export function nsecRecordFor(name: string, unique: readonly MdnsRecord[]): MdnsRecord | null {
  const named = unique.filter((record) => hasName(record, name))
  const [own] = named
  if (own === undefined) return null
  const rrtypes = [...new Set(named.map(({ type }) => type))]
  // As we write the name: askers could have a record of their own for each of a thousand spellings.
  const data = { nextDomain: own.name, rrtypes }
  return { name: own.name, type: 'NSEC', class: 'IN', flush: true, ttl: hostTtl, data }
}

/** Names are compared without case (RFC 6762, section 16). */
export function hasName(record: { readonly name: string }, name: string): boolean {
  return record.name.toLowerCase() === name.toLowerCase()
}

/** The data of a record as it is on the wire, without compression. */
function rdataOf(record: MdnsRecord): Buffer {
  // Behind a header, the root as the name, type, class, life and length.
  return encode({ answers: [{ ...record, name: '.' }] }).subarray(12 + 1 + 2 + 2 + 4 + 2)
}

/** Whether both say the same of the same name. */
export function isSameRecord(one: MdnsRecord, other: MdnsRecord): boolean {
  return one.type === other.type && hasName(one, other.name) && hasSameData(one, other)
}

function hasSameData(one: MdnsRecord, other: MdnsRecord): boolean {
  const [a, b] = [rdataOf(one), rdataOf(other)]
  // Data that are names are compared without case too.
  return a.toString('latin1').toLowerCase() === b.toString('latin1').toLowerCase()
}

const typeNumbers: Readonly<Record<string, number>> = { A: 1, TXT: 16, AAAA: 28, SRV: 33 }

/**
 * Whose records win where two hosts probe for a name at the same time (RFC 6762, section 8.2): below 0 where the others do, 0
 * where both are alike.
 */
export function compareProbes(ours: readonly MdnsRecord[], theirs: readonly MdnsRecord[]): number {
  const [own, other] = [toSortedRdata(ours), toSortedRdata(theirs)]
  for (const [index, bytes] of own.entries()) {
    const against = other[index]
    if (against === undefined) return 1
    const order = Buffer.compare(bytes, against)
    if (order !== 0) return order
  }
  return other.length > own.length ? -1 : 0
}

function toSortedRdata(records: readonly MdnsRecord[]): readonly Buffer[] {
  return records
    .map((record) =>
      Buffer.concat([Buffer.from([typeNumbers[record.type] ?? 255]), rdataOf(record)]),
    )
    .sort(Buffer.compare)
}
