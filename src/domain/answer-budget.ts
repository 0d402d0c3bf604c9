import type { AnswerCache } from './answer-cache'
import { type Answer, chooseLeaving, type Demand, lookAtRate } from './answers-under-way'
import { DomainError } from './errors'
import { setNewest } from './newest-entries'
import { goneError, type RequestBounds, waitForTurn } from './request-bounds'
import { type MonotonicClock, type Wait, withTimeout } from './runtime'

/**
 * Bounds the memory of answers that clients take slowly. An answer holds its vault until its last byte has left, which takes a
 * slow client as long as it likes.
 */
export interface AnswerBudget {
  /**
   * Holds memory for an answer, once there is enough. Of an account's answers under way, and of all, the first is held whatever
   * its size. Throws `unavailable` if there is not enough in time, or the client is gone.
   *
   * `giveWay` is called if another answer needs the memory, which is free from then on: the answer must end. That happens to
   * answers of the account that holds most, for one of an account that holds less, and to those of very slow clients.
   */
  hold(answer: Demand & { readonly bounds: RequestBounds }): Promise<HeldAnswer>
  /** As `hold`, but returns null instead of waiting. */
  tryHold(answer: Demand): HeldAnswer | null
  /** Returns whether there is memory for so many bytes more in the cache. */
  hasRoom(bytes: number): boolean
}

export interface HeldAnswer {
  /** Frees a part of the memory, which has left. */
  free(bytes: number): void
  /** Frees the memory, at the first call. */
  release(): void
}

interface Waiting extends Demand {
  readonly bounds: RequestBounds
  readonly turn: PromiseWithResolvers<HeldAnswer>
}

/** Milliseconds after which an answer gives way to one of an account that holds less. */
const minTime = 2_000

/** Milliseconds after which it is looked again whether answers have been under way for long enough to give way. */
const interval = 250

/** How many of those that wait are tried in vain at a time. */
const maxVainTries = 16

/** How many accounts' last turns are remembered. */
const maxTurns = 10_000

/** The part of the memory that only accounts which hold little may use, and what is little. */
const reservedPart = 1 / 4
const smallPart = 1 / 64

export function createAnswerBudget({
  maxBytes,
  maxAccountBytes,
  cache,
  monotonicClock,
  wait,
}: {
  maxBytes: number
  maxAccountBytes: number
  /** Takes memory of the budget while no answer needs it. */
  cache: Pick<AnswerCache, 'bytes' | 'shrink'>
  monotonicClock: MonotonicClock
  wait: Wait
}): AnswerBudget {
  /** Those under way, the oldest first. */
  const answers = new Set<Answer>()
  const heldByAccount = new Map<string, number>()
  let held = 0
  const waiting = new Set<Waiting>()
  /** Resolved when memory is freed. */
  let freed = Promise.withResolvers<void>()
  let isServing = false
  /** When each account had its last turn, the latest last. */
  const turns = new Map<string, number>()

  const heldBy = (account: string) => heldByAccount.get(account) ?? 0

  /** Returns how many bytes have to be freed for an answer, by its own account and by all. */
  function missingBytes({ account, bytes }: Demand): { own: number; all: number } {
    const own = heldBy(account)
    const isSmall = own + bytes <= maxBytes * smallPart
    const max = isSmall ? maxBytes : maxBytes * (1 - reservedPart)
    return {
      own: Math.min(own, own + bytes - maxAccountBytes),
      all: Math.min(held, held + bytes - max),
    }
  }

  function tryHold(demand: Demand): HeldAnswer | null {
    const missing = missingBytes(demand)
    if (missing.own > 0 || missing.all > 0) return null
    cache.shrink(held + demand.bytes + cache.bytes - maxBytes)
    const { account, bytes, giveWay } = demand
    const now = monotonicClock()
    const answer = {
      ...{ account, bytes, giveWay, startTime: now, bytesLeft: bytes },
      ...{ lookTime: now, bytesLeftThen: bytes, isSlow: false },
    }
    answers.add(answer)
    addHeld(account, bytes)
    setNewest(turns, { key: account, value: now, max: maxTurns })
    return { free: (part) => free(answer, part), release: () => release(answer) }
  }

  function addHeld(account: string, bytes: number): void {
    held += bytes
    const sum = heldBy(account) + bytes
    if (sum === 0) heldByAccount.delete(account)
    else heldByAccount.set(account, sum)
  }

  function free(answer: Answer, bytes: number): void {
    const freedBytes = answers.has(answer) ? Math.min(bytes, answer.bytesLeft) : 0
    answer.bytesLeft -= freedBytes
    addHeld(answer.account, -freedBytes)
  }

  function release(answer: Answer): void {
    if (!answers.delete(answer)) return
    addHeld(answer.account, -answer.bytesLeft)
    freed.resolve()
    freed = Promise.withResolvers()
  }

  /** Has answers give way if that makes room for another. */
  function makeRoom(demand: Demand): void {
    const [heaviest, heaviestBytes] = findHeaviest()
    const isUnfair = heaviestBytes > heldBy(demand.account) + demand.bytes
    const now = monotonicClock()
    for (const answer of answers) lookAtRate(answer, now)
    const candidates = [...answers].filter(
      ({ account, isSlow, startTime }) =>
        isSlow || (isUnfair && account === heaviest && now - startTime >= minTime),
    )
    for (const answer of chooseLeaving(candidates, demand.account, missingBytes(demand))) {
      release(answer)
      answer.giveWay()
    }
  }

  function findHeaviest(): readonly [string, number] {
    let heaviest: readonly [string, number] = ['', 0]
    for (const each of heldByAccount) if (each[1] > heaviest[1]) heaviest = each
    return heaviest
  }

  /** Serves those that wait: first those whose account would hold least, and of these who had their last turn first. */
  function serveOnce(): void {
    // Lists of about the same size take turns.
    const wanted = ({ account, bytes }: Waiting) =>
      Math.floor(Math.log2(1 + heldBy(account) + bytes))
    const lastTurn = ({ account }: Waiting) => turns.get(account) ?? -1
    const compare = (a: Waiting, b: Waiting) =>
      wanted(a) - wanted(b) || Math.sign(lastTurn(a) - lastTurn(b)) || 0
    let triesLeft = maxVainTries
    for (const demand of [...waiting].sort(compare)) {
      const { turn, bounds } = demand
      if (bounds.isAbandoned) {
        waiting.delete(demand)
        turn.reject(goneError())
        continue
      }
      let answer = tryHold(demand)
      if (answer === null && triesLeft > 0) {
        makeRoom(demand)
        answer = tryHold(demand)
        if (answer === null) triesLeft--
      }
      if (answer === null) continue
      waiting.delete(demand)
      turn.resolve(answer)
    }
  }

  async function serve(): Promise<void> {
    if (isServing) return
    isServing = true
    try {
      while (waiting.size > 0) {
        serveOnce()
        if (waiting.size > 0)
          await withTimeout({ wait, timeout: interval, onTimeout: () => {} }, freed.promise)
      }
    } finally {
      isServing = false
    }
  }

  async function waitInQueue(demand: Waiting): Promise<HeldAnswer> {
    waiting.add(demand)
    void serve()
    const { bounds, turn } = demand
    const timing = { wait, monotonicClock, onTimeout: throwTooMany }
    const leave = () => waiting.delete(demand)
    return await waitForTurn(timing, bounds, { turn: turn.promise, leave })
  }

  return {
    tryHold,
    hasRoom: (bytes) => held + cache.bytes + bytes <= maxBytes,
    async hold(demand) {
      // What is free now did not suffice for those that wait.
      return tryHold(demand) ?? (await waitInQueue({ ...demand, turn: Promise.withResolvers() }))
    },
  }
}

function throwTooMany(): never {
  throw new DomainError('unavailable', 'Too many answers are under way')
}
