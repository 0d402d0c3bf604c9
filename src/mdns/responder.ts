import { AUTHORITATIVE_ANSWER, type DecodedPacket, decode, encode, type Question } from 'dns-packet'
import { type Clock, type Random, randomFraction, type Wait } from '../domain/runtime'
import type { Log } from '../log'
import { type Reply, replyTo } from './answers'
import { conflictsIn, lostTiebreaks, type NameKind } from './conflicts'
import { type Link, mdnsPort, type Peer } from './link'
import {
  type MdnsNames,
  type MdnsRecord,
  type MdnsService,
  mdnsNamesOf,
  recordsOf,
} from './records'

/** A link with the addresses of this machine that are announced there. */
export interface AnnouncedLink extends Pick<Link, 'name' | 'send'> {
  readonly addresses: readonly string[]
}

export interface Responder {
  /** The names that nobody objected to; null before they are found. */
  names(): MdnsNames | null
  /** Takes a packet of a link. Throws nothing, whatever it holds. */
  receive(link: AnnouncedLink, packet: Uint8Array, from: Peer): void
  /** Has everything announced anew: links or addresses are other ones. */
  refresh(): void
  /** Says goodbye on every link, and nothing more from then on. */
  stop(): Promise<void>
}

/** Milliseconds between probes, how many there are, and between announcements (RFC 6762, sections 8.1 and 8.3). */
const probeInterval = 250
const probeCount = 3
const announceInterval = 1_000
const announcementCount = 2

/** A name that somebody else wants at this moment is tried again after so many milliseconds (RFC 6762, section 8.2). */
const tiebreakDelay = 1_000

/** After so many conflicts a minute passes between tries: somebody answers to everything (RFC 6762, section 8.1). */
const maxConflicts = 10
const conflictDelay = 60_000

/** Until something happens; a timer has a bound. In milliseconds. */
const maxSleep = 24 * 3600_000

/** Nothing is said to everybody more than once in so many milliseconds (RFC 6762, section 6). */
const minMulticastInterval = 1_000
/** Save to those who probe for our names: they ask every 250 ms, and must hear of us. */
const minProbeReplyInterval = 200

/** The longest life, in seconds, that askers get who know nothing of multicast (RFC 6762, section 6.7). */
const maxLegacyTtl = 10

/** What is announced, and what that takes. */
export interface AnnounceOptions {
  readonly service: MdnsService
  readonly clock: Clock
  readonly random: Random
  readonly wait: Wait
  readonly log: Log
  /** Told of each host name that is announced from now on. */
  readonly onNamed?: (host: string) => void
}

/** Answers for a service on every link, under names that are ours alone there. */
export function startResponder(
  deps: AnnounceOptions & {
    readonly links: () => readonly AnnouncedLink[]
    /** Of this machine, on whichever link. */
    readonly isOwnAddress: (address: string) => boolean
  },
): Responder {
  const { service, clock, log } = deps
  const stopping = new AbortController()
  let waking = new AbortController()
  const tries = { host: 1, instance: 1 }
  let names = mdnsNamesOf(service, tries)
  let isAnnounced = false
  /** Whether links are other ones than those that were announced on. */
  let isStale = false
  /** The host name that was told of last. */
  let reportedHost = ''
  let conflicts = 0
  const taken = new Set<NameKind>()
  let isTied = false
  /** When each record was last said to everybody on a link, by both. */
  const lastMulticast = new Map<string, number>()

  const chance = () => randomFraction(deps.random)
  const recordsAt = (link: AnnouncedLink) => recordsOf(service, names, link.addresses)
  const ownAt = (link: AnnouncedLink) => ({
    names,
    unique: recordsAt(link).unique,
    isOwnAddress: deps.isOwnAddress,
  })

  /** Sleeps; sooner awake when something happened. */
  const sleep = async (milliseconds: number): Promise<void> => {
    if (waking.signal.aborted) waking = new AbortController()
    const signal = AbortSignal.any([waking.signal, stopping.signal])
    await deps.wait(milliseconds, signal).catch(() => {})
  }
  const wake = () => waking.abort()

  const announceAll = (ttl?: number): void => {
    for (const link of deps.links()) {
      const { unique, shared } = recordsAt(link)
      const records = [...unique, ...shared].map((record) =>
        ttl === undefined ? record : { ...record, ttl },
      )
      sendResponse(link, { answers: records })
      for (const record of records) lastMulticast.set(recordKey(link, record), clock())
    }
  }

  const probe = (): void => {
    for (const link of deps.links()) {
      const { unique } = recordsAt(link)
      const questions = [names.host, names.instance].map(anyQuestion)
      // What is proposed is not yet ours to have others forget theirs.
      const authorities = unique.map((record) => ({ ...record, flush: false }))
      link.send(encode({ type: 'query', questions, authorities }))
    }
  }

  /** Whether nobody objects to our names on any link. */
  const probeNames = async (): Promise<boolean> => {
    taken.clear()
    isTied = false
    await sleep(chance() * probeInterval)
    for (let sent = 0; sent < probeCount && !stopping.signal.aborted; sent++) {
      if (taken.size > 0 || isTied) return false
      probe()
      await sleep(probeInterval)
    }
    return taken.size === 0 && !isTied
  }

  const rename = (): void => {
    const previous = names
    for (const kind of taken) tries[kind]++
    names = mdnsNamesOf(service, tries)
    for (const kind of taken) {
      log.warn(
        `another host has the name ${previous[kind]}: ${names[kind]} is announced in its place`,
      )
    }
  }

  /** Finds names that are free and announces them, until something happens. */
  const announce = async (): Promise<void> => {
    isStale = false
    isAnnounced = false
    if (!(await probeNames())) {
      if (taken.size > 0) rename()
      conflicts++
      await sleep(conflicts > maxConflicts ? conflictDelay : isTied ? tiebreakDelay : 0)
      return
    }
    if (stopping.signal.aborted) return
    isAnnounced = true
    lastMulticast.clear()
    if (reportedHost !== names.host) {
      log.info(`announced on the local network as ${names.host}`, { service: names.instance })
      deps.onNamed?.(names.host)
      reportedHost = names.host
    }
    for (let said = 0; said < announcementCount && isUndisturbed(); said++) {
      announceAll()
      await sleep(announceInterval)
    }
    if (isUndisturbed()) conflicts = 0
    while (isUndisturbed()) await sleep(maxSleep)
  }

  const isUndisturbed = () => !stopping.signal.aborted && !isStale && taken.size === 0

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      if (deps.links().length > 0) await announce()
      else await sleep(maxSleep)
    }
  }
  const running = run()
  running.catch((fault) => log.error('nothing is announced on the local network any more', fault))

  const reply = async (link: AnnouncedLink, query: DecodedPacket, found: Reply, from: Peer) => {
    if (from.port !== mdnsPort) {
      sendResponse(link, legacyReply(query, found), from)
      return
    }
    if (!found.isMulticast) {
      sendResponse(link, found, from)
      return
    }
    // Others may know of services of our kind: all at once would collide.
    if (!found.isUnique) await deps.wait(20 + chance() * 100, stopping.signal)
    const isProbe = (query.authorities?.length ?? 0) > 0
    const now = clock()
    const fresh = found.answers.filter((record) => {
      const before = lastMulticast.get(recordKey(link, record)) ?? Number.NEGATIVE_INFINITY
      // A clock that was set back must not keep us silent.
      return Math.abs(now - before) >= (isProbe ? minProbeReplyInterval : minMulticastInterval)
    })
    if (fresh.length === 0 || !isAnnounced) return
    for (const record of fresh) lastMulticast.set(recordKey(link, record), now)
    sendResponse(link, { answers: fresh, additionals: found.additionals })
  }

  const handlePacket = (link: AnnouncedLink, packet: DecodedPacket, from: Peer): void => {
    // Both are for other protocols (RFC 6762, section 18.3).
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
      // Rejects when we end while it waits.
      if (found !== null) reply(link, packet, found, from).catch(() => {})
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
        // No packet of DNS, or one that holds what cannot be written again.
      }
    },
    refresh() {
      isStale = true
      wake()
    },
    async stop() {
      stopping.abort()
      await running.catch(() => {})
      if (isAnnounced) announceAll(0)
    },
  }
}

/** The types know no ANY, which the encoder does. */
function anyQuestion(name: string): Question {
  return Object.assign<Question, object>({ name, type: 'A', class: 'IN' }, { type: 'ANY' })
}

interface Message {
  readonly id?: number
  readonly questions?: readonly Question[]
  readonly answers: readonly MdnsRecord[]
  readonly additionals?: readonly MdnsRecord[]
}

function sendResponse(link: AnnouncedLink, message: Message, to?: Peer): void {
  const { id = 0, questions = [], answers, additionals = [] } = message
  const packet = encode({
    id,
    type: 'response',
    flags: AUTHORITATIVE_ANSWER,
    questions: [...questions],
    answers: [...answers],
    additionals: [...additionals],
  })
  link.send(packet, to)
}

/** For askers that know nothing of multicast: as a common server of names would put it (RFC 6762, section 6.7). */
function legacyReply(query: DecodedPacket, { answers, additionals }: Reply): Message {
  const common = (record: MdnsRecord): MdnsRecord => ({
    ...record,
    flush: false,
    ttl: Math.min(record.ttl ?? maxLegacyTtl, maxLegacyTtl),
  })
  return {
    id: query.id ?? 0,
    questions: query.questions ?? [],
    answers: answers.map(common),
    additionals: additionals.map(common),
  }
}

function recordKey(link: AnnouncedLink, record: MdnsRecord): string {
  return `${link.name} ${record.type} ${record.name} ${JSON.stringify(record.data)}`
}
