import { networkOf } from './address'
import { type AuditEvent, type AuditKind, byUser } from './audit'
import type { Clock } from './world'

export type LoginKind = Extract<AuditKind, `login${string}`>

/** Somebody who signed in, or wanted to. */
export interface LoginNote {
  readonly kind: LoginKind
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
export interface LoginTrail {
  /** The event of a sign-in that is the first of its hour, for the caller to write; null for one that was only counted. */
  first(note: LoginNote): AuditEvent | null
  /** Takes note of one, to be written soon, or counts it. */
  note(note: LoginNote): void
  /** Takes events that could not be written back, to be written later. */
  putBack(events: readonly AuditEvent[]): void
  /** Gives what is to be written now; with `all` what was counted too, in the middle of its hour. */
  take(all?: 'all'): readonly AuditEvent[]
  /** How many things are remembered: bounded, whatever an attacker sends. */
  size(): number
}

/** For how long those that are alike are counted, in milliseconds. */
const window = 60 * 60_000

/** Accounts and networks that are told apart within an hour, for each kind; behind them, accounts alone; behind those, nothing. */
const mostApart = 200
const mostAccounts = 50

/** Events that wait to be written; what is beyond is told by one row for each kind. */
const mostWaiting = 2_000

/** How a row says that its addresses were not told apart. */
const many = 'many addresses'

interface Fold {
  /** The latest of those alike. */
  event: AuditEvent
  /** Those that no row tells of yet. */
  count: number
}

export function createLoginTrail(deps: { clock: Clock }): LoginTrail {
  const { clock } = deps
  let begin = Number.NEGATIVE_INFINITY
  /** By kind, so that wrong credentials never take the room of right ones. */
  let folds = new Map<LoginKind, Map<string, Fold>>()
  let waiting: AuditEvent[] = []
  /** What found no room to wait. */
  let overflow = new Map<AuditKind, AuditEvent>()

  /** Ends the hour: what was counted waits to be written. A clock that was set back ends it too. */
  const endWindow = () => {
    for (const alike of folds.values()) {
      for (const { event, count } of alike.values()) {
        if (count > 0) wait({ ...event, count })
      }
    }
    folds = new Map()
  }
  const isOver = (now: number) => now >= begin + window || now < begin

  const wait = (event: AuditEvent) => {
    if (waiting.length < mostWaiting) waiting.push(event)
    else overflow.set(event.kind, together(overflow.get(event.kind), event))
  }

  const first = ({ kind, user, address }: LoginNote): AuditEvent | null => {
    const now = clock()
    if (isOver(now)) {
      endWindow()
      begin = now
    }
    const alike = folds.get(kind) ?? new Map<string, Fold>()
    folds.set(kind, alike)
    const network = address === null ? null : networkOf(address)
    const { key, event } = placeAmong(alike, network, byUser(now, kind, user, address))
    const fold = alike.get(key)
    if (fold === undefined) {
      alike.set(key, { event, count: 0 })
      return event
    }
    const isSame = fold.event.address === event.address
    fold.event = isSame ? event : { ...event, address: network }
    fold.count++
    return null
  }

  return {
    first,

    note(note) {
      const event = first(note)
      if (event !== null) wait(event)
    },

    putBack(events) {
      for (const event of events) wait(event)
    },

    take(all) {
      if (all === 'all' || isOver(clock())) endWindow()
      const taken = [...waiting, ...overflow.values()]
      waiting = []
      overflow = new Map()
      return taken
    },

    size: () =>
      [...folds.values()].reduce((sum, { size }) => sum + size, waiting.length + overflow.size),
  }
}

/** What an event is counted with: fewer things are told apart the more there are. */
function placeAmong(
  alike: ReadonlyMap<string, Fold>,
  network: string | null,
  event: AuditEvent,
): { key: string; event: AuditEvent } {
  const own = JSON.stringify([event.userId, network])
  if (alike.has(own) || alike.size < mostApart) return { key: own, event }
  const anywhere: AuditEvent = { ...event, address: null, detail: many }
  const ofAccount = JSON.stringify([event.userId])
  const hasRoom = event.userId !== null && alike.size < mostApart + mostAccounts
  if (alike.has(ofAccount) || hasRoom) return { key: ofAccount, event: anywhere }
  return { key: '', event: { ...anywhere, userId: null, email: null } }
}

/** One event for two of a kind that nobody could write down. */
function together(one: AuditEvent | undefined, other: AuditEvent): AuditEvent {
  const nowhere = { userId: null, email: null, address: null, detail: many }
  return { ...other, ...nowhere, count: (one?.count ?? 0) + other.count }
}
