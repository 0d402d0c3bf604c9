import { networkOf } from './address'
import { type AuditEvent, type AuditKind, userEvent } from './audit'
import type { Clock, MonotonicClock } from './runtime'

export type LoginEventKind = Extract<
  AuditKind,
  `login${string}` | 'sessions-ended' | 'history-deleted'
>

/** A sign-in, an attempt, or what an owner may do all day long in a session. */
export interface LoginEvent {
  readonly kind: LoginEventKind
  /** Null for an unknown account: the text that was typed may be a secret, so it is not kept. */
  readonly user: { readonly id: string; readonly email: string } | null
  readonly address: string | null
}

/**
 * Collects login events for the audit log in memory, so that a client that signs in every ten minutes, or an attacker who
 * guesses all day, costs a few rows an hour and no commit per request. Per kind, account and network, the first event
 * within an hour gets its own row; the others are counted and get one row.
 *
 * While the database accepts no writes, events wait here, in bounded memory. A crash loses them. A login neither fails nor
 * waits because of the audit log.
 */
export interface LoginEventBuffer {
  /** Returns the event for the caller to write if it is the first of its hour. Otherwise counts it and returns null. */
  coalesce(event: LoginEvent): AuditEvent | null
  /** Like `coalesce`, but the first event of its hour is kept here, to be written soon. */
  record(event: LoginEvent): void
  /** Keeps events whose write failed, to be written later. */
  requeue(events: readonly AuditEvent[]): void
  /** Removes and returns the events to write now; with `all`, also those counted in the current hour. */
  drain(all?: 'all'): readonly AuditEvent[]
  /** Returns the number of events and buckets in memory. It is bounded. */
  size(): number
}

/** Milliseconds for which events of one bucket are counted together. */
const window = 60 * 60_000

/**
 * Per hour and kind, the first 200 pairs of account and network get a bucket each; after that, 50 accounts get one each;
 * after that, one bucket takes the rest.
 */
const maxDistinct = 200
const maxAccounts = 50

/** Maximum number of events that wait to be written. Further ones are merged into one per kind. */
const maxWaiting = 2_000

/** Stored detail of an event whose addresses were counted together. */
const manyAddresses = 'many addresses'

interface Bucket {
  /** The latest event of the bucket. */
  event: AuditEvent
  /** Events that are in no row yet. */
  count: number
}

export function createLoginEventBuffer(deps: {
  clock: Clock
  monotonicClock: MonotonicClock
}): LoginEventBuffer {
  const { clock, monotonicClock } = deps
  let windowStart = Number.NEGATIVE_INFINITY
  /** By kind, so that failed logins never use up the buckets of successful ones. */
  let buckets = new Map<LoginEventKind, Map<string, Bucket>>()
  let waiting: AuditEvent[] = []
  /** Events beyond `maxWaiting`, merged by kind. */
  let overflow = new Map<AuditKind, AuditEvent>()

  /** Ends the current hour: counted events wait to be written from now on. */
  const endWindow = () => {
    for (const group of buckets.values()) {
      for (const { event, count } of group.values()) {
        if (count > 0) enqueue({ ...event, count })
      }
    }
    buckets = new Map()
  }
  const isWindowOver = () => monotonicClock() >= windowStart + window

  const enqueue = (event: AuditEvent) => {
    if (waiting.length < maxWaiting) waiting.push(event)
    else overflow.set(event.kind, merge(overflow.get(event.kind), event))
  }

  const coalesce = ({ kind, user, address }: LoginEvent): AuditEvent | null => {
    if (isWindowOver()) {
      endWindow()
      windowStart = monotonicClock()
    }
    const group = buckets.get(kind) ?? new Map<string, Bucket>()
    buckets.set(kind, group)
    const network = address === null ? null : networkOf(address)
    const { key, event } = bucketFor(
      group,
      network,
      userEvent({ time: clock(), kind, user, address }),
    )
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

    record(event) {
      const first = coalesce(event)
      if (first !== null) enqueue(first)
    },

    requeue(events) {
      for (const event of events) enqueue(event)
    },

    drain(all) {
      if (all === 'all' || isWindowOver()) endWindow()
      const drained = [...waiting, ...overflow.values()]
      waiting = []
      overflow = new Map()
      return drained
    },

    size: () =>
      [...buckets.values()].reduce((sum, { size }) => sum + size, waiting.length + overflow.size),
  }
}

/** Returns the bucket of an event: by account and network, by account, or the one for the rest (see `maxDistinct`). */
function bucketFor(
  group: ReadonlyMap<string, Bucket>,
  network: string | null,
  event: AuditEvent,
): { key: string; event: AuditEvent } {
  const byNetwork = JSON.stringify([event.userId, network])
  if (group.has(byNetwork) || group.size < maxDistinct) return { key: byNetwork, event }
  const withoutAddress: AuditEvent = { ...event, address: null, detail: manyAddresses }
  const byAccount = JSON.stringify([event.userId])
  const hasRoom = event.userId !== null && group.size < maxDistinct + maxAccounts
  if (group.has(byAccount) || hasRoom) return { key: byAccount, event: withoutAddress }
  return { key: '', event: { ...withoutAddress, userId: null, email: null } }
}

/** Returns one event that stands for two of the same kind. */
function merge(one: AuditEvent | undefined, other: AuditEvent): AuditEvent {
  const anonymous = { userId: null, email: null, address: null, detail: manyAddresses }
  return { ...other, ...anonymous, count: (one?.count ?? 0) + other.count }
}
