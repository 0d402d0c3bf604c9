import type { DecodedPacket } from 'dns-packet'
import { recordsIn } from './answers'
import { compareProbes, hasName, isSameRecord, type MdnsNames, type MdnsRecord } from './records'

/** One of our names: of the host, or of the service instance. */
export type NameKind = keyof MdnsNames

/**
 * Returns which of our names another host claims in a response (RFC 6762, section 9): our host name with an address of another
 * machine, or our service instance at another host or port. The same records from another program of this machine are no
 * conflict.
 */
export function conflictsIn(
  response: DecodedPacket,
  own: {
    readonly names: MdnsNames
    readonly unique: readonly MdnsRecord[]
    readonly isOwnAddress: (address: string) => boolean
  },
): ReadonlySet<NameKind> {
  const conflicts = new Set<NameKind>()
  for (const record of [...recordsIn(response.answers), ...recordsIn(response.additionals)]) {
    // A goodbye claims no name.
    if (record.ttl === 0) continue
    if (record.type === 'A' || record.type === 'AAAA') {
      if (hasName(record, own.names.host) && !own.isOwnAddress(record.data)) conflicts.add('host')
    } else if (record.type === 'SRV' && hasName(record, own.names.instance)) {
      if (!own.unique.some((ours) => isSameRecord(ours, record))) conflicts.add('instance')
    }
  }
  return conflicts
}

/** Returns for which of our names another host probes at the same time, and wins (RFC 6762, section 8.2). */
export function lostTiebreaks(
  probe: DecodedPacket,
  own: Parameters<typeof conflictsIn>[1],
): ReadonlySet<NameKind> {
  const lost = new Set<NameKind>()
  const proposed = recordsIn(probe.authorities)
  for (const kind of ['host', 'instance'] as const) {
    const name = own.names[kind]
    const theirs = proposed.filter((record) => hasName(record, name))
    const ours = own.unique.filter((record) => hasName(record, name))
    if (theirs.length === 0 || ours.length === 0) continue
    const isThisMachine = theirs.every(
      (record) => (record.type === 'A' || record.type === 'AAAA') && own.isOwnAddress(record.data),
    )
    if (!isThisMachine && compareProbes(ours, theirs) < 0) lost.add(kind)
  }
  return lost
}
