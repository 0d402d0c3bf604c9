import { networkOf } from './address'
import { type AuditEvent, type AuditKind, userEvent } from './audit'
import type { Clock } from './runtime'

export type LoginEventKind = Extract<AuditKind, `login${string}`>

/** Somebody who signed in, or wanted to. */
export interface LoginEvent {
  readonly kind: LoginEventKind
  /** Null for an account that is not there: what a stranger typed may be a secret of his, and is not kept. */
  readonly user: { readonly id: string; readonly email: string } | null
  readonly address: string | null
}

/**
 * Gathers what the trail is to tell of sign-ins, in memory: a client that signs in every ten minutes and somebody who
 * guesses all day cost a few rows an hour, and no commit for each request. Of one kind, account and network the first
 * within an hour is told by itself, and the others by one row with their number.
 *
 * What lies here while the disk is full or the database away waits, up to a bound; what a crash takes is lost. A login
 * neither fails nor waits for the trail.
 */
export interface LoginEventBuffer {
  /** The event of a sign-in that is the first of its hour, for the caller to write; null for one that was only counted. */
  coalesce(note: LoginEvent): AuditEvent | null
  /** Takes note of one, to be written soon, or counts it. */
  record(note: LoginEvent): void
  /** Takes events that could not be written back, to be written later. */
  requeue(events: readonly AuditEvent[]): void
  /** Gives what is to be written now; with `all` what was counted too, in the middle of its hour. */
  drain(all?: 'all'): readonly AuditEvent[]
  /** How many things are remembered: bounded, whatever an attacker sends. */
  size(): number
}

/** For how long those that are alike are counted, in milliseconds. */
const window = 60 * 60_000

/** Accounts and networks that are told apart within an hour, for each kind; behind them, accounts alone; behind those, nothing. */
const maxDistinct = 200
const maxAccounts = 50

/** Events that wait to be written; what is beyond is told by one row for each kind. */
const maxWaiting = 2_000

/** How a row says that its addresses were not told apart. */
const manyAddresses = 'many addresses'

interface Bucket {
  /** The latest of those alike. */
  event: AuditEvent
  /** Those that no row tells of yet. */
  count: number
}

export function createLoginEventBuffer(deps: { clock: Clock }): LoginEventBuffer {
  const { clock } = deps
  let windowStart = Number.NEGATIVE_INFINITY
  /** By kind, so that wrong credentials never take the room of right ones. */
  let buckets = new Map<LoginEventKind, Map<string, Bucket>>()
  let waiting: AuditEvent[] = []
  /** What found no room to wait. */
  let overflow = new Map<AuditKind, AuditEvent>()

  /** Ends the hour: what was counted waits to be written. A clock that was set back ends it too. */
  const endWindow = () => {
    for (const group of buckets.values()) {
      for (const { event, count } of group.values()) {
        if (count > 0) enqueue({ ...event, count })
      }
    }
    buckets = new Map()
  }
  const isWindowOver = (now: number) => now >= windowStart + window || now < windowStart

  const enqueue = (event: AuditEvent) => {
    if (waiting.length < maxWaiting) waiting.push(event)
    else overflow.set(event.kind, merge(overflow.get(event.kind), event))
  }

  const coalesce = ({ kind, user, address }: LoginEvent): AuditEvent | null => {
    const now = clock()
    if (isWindowOver(now)) {
      endWindow()
      windowStart = now
    }
    const group = buckets.get(kind) ?? new Map<string, Bucket>()
    buckets.set(kind, group)
    const network = address === null ? null : networkOf(address)
    const { key, event } = bucketFor(group, network, userEvent(now, kind, user, address))
    const bucket = group.get(key)
    if (bucket === undefined) {
      group.set(key, { event, count: 0 })
      return event
    }
    const isSame = bucket.event.address === event.address
    bucket.event = isSame ? event : { ...event, address: network }
    bucket.count++
    return null
  }

  return {
    coalesce,

    record(note) {
      const event = coalesce(note)
      if (event !== null) enqueue(event)
    },

    requeue(events) {
      for (const event of events) enqueue(event)
    },

    drain(all) {
      if (all === 'all' || isWindowOver(clock())) endWindow()
      const drained = [...waiting, ...overflow.values()]
      waiting = []
      overflow = new Map()
      return drained
    },

    size: () =>
      [...buckets.values()].reduce((sum, { size }) => sum + size, waiting.length + overflow.size),
  }
}

/** What an event is counted with: fewer things are told apart the more there are. */
function bucketFor(
  group: ReadonlyMap<string, Bucket>,
  network: string | null,
  event: AuditEvent,
): { key: string; event: AuditEvent } {
  const own = JSON.stringify([event.userId, network])
  if (group.has(own) || group.size < maxDistinct) return { key: own, event }
  const anywhere: AuditEvent = { ...event, address: null, detail: manyAddresses }
  const ofAccount = JSON.stringify([event.userId])
  const hasRoom = event.userId !== null && group.size < maxDistinct + maxAccounts
  if (group.has(ofAccount) || hasRoom) return { key: ofAccount, event: anywhere }
  return { key: '', event: { ...anywhere, userId: null, email: null } }
}

/** One event for two of a kind that nobody could write down. */
function merge(one: AuditEvent | undefined, other: AuditEvent): AuditEvent {
  const nowhere = { userId: null, email: null, address: null, detail: manyAddresses }
  return { ...other, ...nowhere, count: (one?.count ?? 0) + other.count }
}
