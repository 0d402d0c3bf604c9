import { type Answer, encode, type OptAnswer } from 'dns-packet'
import { mdnsHostName } from './host-names'

/** The service to announce. */
export interface MdnsService {
  /** Instance name without dots, at most 63 bytes, such as `SnailPass on pi`. */
  readonly instance: string
  readonly port: number
  readonly txt: Readonly<Record<string, string>>
}

/** Our names on the link. They are ours once no other host has objected. */
export interface MdnsNames {
  /** Such as `snailpass.local`. */
  readonly host: string
  /** Such as `SnailPass on pi._snailpass._tcp.local`. */
  readonly instance: string
}

/** Any record except OPT, which has options of a packet. */
export type MdnsRecord = Exclude<Answer, OptAnswer>

const serviceType = '_snailpass._tcp.local'
const allServices = '_services._dns-sd._udp.local'

/** TTLs in seconds: of records that depend on an address, and of the others (RFC 6762, section 10). */
const hostTtl = 120
const defaultTtl = 4500

/** Returns the names of the nth attempt: `snailpass.local`, `snailpass-2.local`, … */
export function mdnsNamesOf(
  service: MdnsService,
  tries: { host: number; instance: number },
): MdnsNames {
  return {
    host: mdnsHostName(tries.host),
    instance: `${service.instance}${tries.instance > 1 ? ` (${tries.instance})` : ''}.${serviceType}`,
  }
}

/** Returns the records for a link: `unique` ones that only we have, and `shared` ones that every SnailPass server has. */
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

/**
 * Returns the record which says that a name of ours has no other record types (RFC 6762, section 6.1), so that queriers don't
 * wait for them. Returns null if the name is not ours.
 */
export function nsecRecordFor(name: string, unique: readonly MdnsRecord[]): MdnsRecord | null {
  const named = unique.filter((record) => hasName(record, name))
  const [own] = named
  if (own === undefined) return null
  const rrtypes = [...new Set(named.map(({ type }) => type))]
  // In our spelling: else each of a thousand spellings would be a record with a rate limit of its own.
  const data = { nextDomain: own.name, rrtypes }
  return { name: own.name, type: 'NSEC', class: 'IN', flush: true, ttl: hostTtl, data }
}

/** Whether a record has this name. Case is ignored (RFC 6762, section 16). */
export function hasName(record: { readonly name: string }, name: string): boolean {
  return record.name.toLowerCase() === name.toLowerCase()
}

/** Returns the data of a record in wire format, without compression. */
function rdataOf(record: MdnsRecord): Buffer {
  // After the header, the root as name, type, class, TTL and length.
  return encode({ answers: [{ ...record, name: '.' }] }).subarray(12 + 1 + 2 + 2 + 4 + 2)
}

/** Whether two records have the same type, name and data. */
export function isSameRecord(one: MdnsRecord, other: MdnsRecord): boolean {
  return one.type === other.type && hasName(one, other.name) && hasSameData(one, other)
}

function hasSameData(one: MdnsRecord, other: MdnsRecord): boolean {
  const [a, b] = [rdataOf(one), rdataOf(other)]
  // Case is ignored in data too, since data may be names.
  return a.toString('latin1').toLowerCase() === b.toString('latin1').toLowerCase()
}

const typeNumbers: Readonly<Record<string, number>> = { A: 1, TXT: 16, AAAA: 28, SRV: 33 }

/**
 * Compares the records of two hosts that probe for a name at the same time (RFC 6762, section 8.2). Returns a number below 0 if
 * theirs win, above 0 if ours do, and 0 if both are equal.
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
