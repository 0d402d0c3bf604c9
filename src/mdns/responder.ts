import { type DecodedPacket, decode } from 'dns-packet'
import { startLoop } from '../background'
import {
  type MonotonicClock,
  type Random,
  randomFraction,
  sleep,
  type Wait,
} from '../domain/runtime'
import type { Log } from '../log'
import { type Reply, replyTo } from './answers'
import { conflictsIn, lostTiebreaks, type NameKind } from './conflicts'
import { type Link, mdnsPort, type Peer } from './link'
import { encodeProbe, encodeResponse, legacyResponse, type ResponseMessage } from './messages'
import {
  type MdnsNames,
  type MdnsRecord,
  type MdnsService,
  mdnsNamesOf,
  recordsOf,
} from './records'

/** A link, and the addresses of this machine that are announced on it. */
export interface AnnouncedLink extends Pick<Link, 'name' | 'send'> {
  readonly addresses: readonly string[]
}

export interface Responder {
  /** Returns the names that no other host has; null while they are being probed. */
  names(): MdnsNames | null
  /** Handles a packet from a link. Never throws, whatever the packet contains. */
  receive(link: AnnouncedLink, packet: Uint8Array, from: Peer): void
  /** Announces everything again, after links or addresses have changed. */
  refresh(): void
  /** Sends a goodbye on every link, and nothing after it. */
  stop(): Promise<void>
}

/** Milliseconds between probes, and their number; the same for announcements (RFC 6762, sections 8.1 and 8.3). */
const probeInterval = 250
const probeCount = 3
const announceInterval = 1_000
const announcementCount = 2

/** Milliseconds until a name is probed again that another host probed at the same time (RFC 6762, section 8.2). */
const tiebreakDelay = 1_000

/** After this many conflicts, attempts are a minute apart: a host claims every name (RFC 6762, section 8.1). */
const maxConflicts = 10
const conflictDelay = 60_000

/** Limit in milliseconds for a wait until something happens, since timers have a maximum. */
const maxSleep = 24 * 3600_000

/** Milliseconds until a failed round is repeated. */
const retryDelay = 60_000

/** Milliseconds before a record is multicast again (RFC 6762, section 6). */
const minMulticastInterval = 1_000
/** The same for replies to probes for our names: a host probes every 250 ms and must get an answer. */
const minProbeReplyInterval = 200

export interface AnnounceOptions {
  readonly service: MdnsService
  readonly monotonicClock: MonotonicClock
  readonly random: Random
  readonly wait: Wait
  readonly log: Log
  /** Called with each host name once it is announced. */
  readonly onNamed?: (host: string) => void
}

/** Announces a service on every link, under names that no other host has, and answers queries for it (RFC 6762). */
export function startResponder(
  deps: AnnounceOptions & {
    readonly links: () => readonly AnnouncedLink[]
    /** Whether this machine has an address, on any link. */
    readonly isOwnAddress: (address: string) => boolean
  },
): Responder {
  const { service, log, wait } = deps
  const stopping = new AbortController()
  let waking = new AbortController()
  const tries = { host: 1, instance: 1 }
  let names = mdnsNamesOf(service, tries)
  let isAnnounced = false
  /** Whether the links have changed since the last announcement. */
  let isStale = false
  /** The host name that was last passed to `onNamed`. */
  let reportedHost = ''
  let conflicts = 0
  /** Which of our names another host has. */
  const taken = new Set<NameKind>()
  /** Whether another host probes for one of our names now, and wins. */
  let isTied = false
  const multicasts = createMulticastLimit(deps.monotonicClock)

  const recordsAt = (link: AnnouncedLink) => recordsOf(service, names, link.addresses)
  const ownAt = (link: AnnouncedLink) => ({
    names,
    unique: recordsAt(link).unique,
    isOwnAddress: deps.isOwnAddress,
  })

  /** Waits so many milliseconds, or until something happens. */
  const pause = async (milliseconds: number): Promise<void> => {
    if (waking.signal.aborted) waking = new AbortController()
    await sleep(wait, milliseconds, AbortSignal.any([waking.signal, stopping.signal]))
  }
  const wake = () => waking.abort()

  const announceAll = (ttl?: number): void => {
    for (const link of deps.links()) {
      const { unique, shared } = recordsAt(link)
      const records = [...unique, ...shared].map((record) =>
        ttl === undefined ? record : { ...record, ttl },
      )
      sendResponse(link, { answers: records })
      multicasts.add(link, records)
    }
  }

  /** Returns whether no host has objected to our names on any link. */
  const probeNames = async (): Promise<boolean> => {
    taken.clear()
    isTied = false
    await pause(randomFraction(deps.random) * probeInterval)
    for (let sent = 0; sent < probeCount && !stopping.signal.aborted; sent++) {
      if (taken.size > 0 || isTied) return false
      for (const link of deps.links()) link.send(encodeProbe(names, recordsAt(link).unique))
      await pause(probeInterval)
    }
    return taken.size === 0 && !isTied
  }

  const rename = (): void => {
    const previous = names
    for (const kind of taken) tries[kind]++
    names = mdnsNamesOf(service, tries)
    for (const kind of taken) {
      log.warn(`another host has the name ${previous[kind]}: announcing ${names[kind]} instead`)
    }
  }

  /** Finds names that are free and announces them. Returns once the names must be probed again. */
  const announce = async (): Promise<void> => {
    isStale = false
    isAnnounced = false
    if (!(await probeNames())) {
      if (taken.size > 0) rename()
      conflicts++
      await pause(conflicts > maxConflicts ? conflictDelay : isTied ? tiebreakDelay : 0)
      return
    }
    if (stopping.signal.aborted) return
    isAnnounced = true
    multicasts.clear()
    if (reportedHost !== names.host) {
      log.info(`announced on the local network as ${names.host}`, { service: names.instance })
      deps.onNamed?.(names.host)
      reportedHost = names.host
    }
    for (let sent = 0; sent < announcementCount && isUndisturbed(); sent++) {
      announceAll()
      await pause(announceInterval)
    }
    if (isUndisturbed()) conflicts = 0
    while (isUndisturbed()) await pause(maxSleep)
  }

  const isUndisturbed = () => !stopping.signal.aborted && !isStale && taken.size === 0

  const loop = startLoop(
    { name: 'announcing on the local network', wait, log, retryDelay },
    async () => {
      if (deps.links().length > 0) await announce()
      else await pause(maxSleep)
      return 0
    },
  )

  /** Sends a reply. Rejects if the responder stops while it waits. */
  const reply = async (
    link: AnnouncedLink,
    { query, found, from }: { query: DecodedPacket; found: Reply; from: Peer },
  ): Promise<void> => {
    if (from.port !== mdnsPort) {
      sendResponse(link, legacyResponse(query, found), from)
      return
    }
    if (!found.isMulticast) {
      sendResponse(link, found, from)
      return
    }
    // Other hosts may reply too: a random delay keeps the replies from colliding.
    if (!found.isUnique) await wait(20 + randomFraction(deps.random) * 100, stopping.signal)
    const isProbe = (query.authorities?.length ?? 0) > 0
    const interval = isProbe ? minProbeReplyInterval : minMulticastInterval
    const answers = multicasts.withoutRecent(link, found.answers, interval)
    if (answers.length === 0 || !isAnnounced) return
    multicasts.add(link, answers)
    sendResponse(link, { answers, additionals: found.additionals })
  }

  const handlePacket = (link: AnnouncedLink, packet: DecodedPacket, from: Peer): void => {
    // Packets with another opcode or response code are ignored (RFC 6762, section 18.3).
    if ((packet.flags ?? 0) & 0x780f) return
    const own = ownAt(link)
    if (packet.type === 'response') {
      if (from.port !== mdnsPort) return
      for (const kind of conflictsIn(packet, own)) taken.add(kind)
      if (taken.size > 0) wake()
      return
    }
    if (isAnnounced) {
      const found = replyTo(packet, recordsAt(link))
      if (found !== null) reply(link, { query: packet, found, from }).catch(() => {})
      return
    }
    if (lostTiebreaks(packet, own).size === 0) return
    isTied = true
    wake()
  }

  return {
    names: () => (isAnnounced ? names : null),
    receive(link, packet, from) {
      if (stopping.signal.aborted) return
      try {
        handlePacket(link, decode(Buffer.from(packet)), from)
      } catch {
        // The packet is not DNS, or contains a record that can't be encoded again.
      }
    },
    refresh() {
      isStale = true
      wake()
    },
    async stop() {
      stopping.abort()
      await loop.stop()
      if (isAnnounced) announceAll(0)
    },
  }
}

function sendResponse(link: AnnouncedLink, message: ResponseMessage, to?: Peer): void {
  link.send(encodeResponse(message), to)
}

/** Remembers when each record was last multicast on each link. */
function createMulticastLimit(clock: MonotonicClock) {
  const times = new Map<string, number>()
  const keyOf = (link: AnnouncedLink, { type, name, data }: MdnsRecord) =>
    `${link.name} ${type} ${name} ${JSON.stringify(data)}`
  return {
    clear: () => times.clear(),
    add(link: AnnouncedLink, records: readonly MdnsRecord[]): void {
      for (const record of records) times.set(keyOf(link, record), clock())
    },
    /** Returns the records that were not multicast on the link in the last `interval` milliseconds. */
    withoutRecent(
      link: AnnouncedLink,
      records: readonly MdnsRecord[],
      interval: number,
    ): readonly MdnsRecord[] {
      const now = clock()
      return records.filter((record) => {
        const before = times.get(keyOf(link, record)) ?? Number.NEGATIVE_INFINITY
        return now - before >= interval
      })
    },
  }
}
