import { DomainError } from './errors'
import { goneError, type RequestBounds, withDeadline } from './request-bounds'
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
   * `giveWay` is called if another answer needs the memory, which is free from then on: the answer must end. That happens only
   * to answers that have been under way for some time, and sooner to those of the account that holds most.
   */
  hold(answer: {
    account: string
    bytes: number
    giveWay: () => void
    bounds: RequestBounds
  }): Promise<HeldAnswer>
  /** As `hold`, but returns null instead of waiting. */
  tryHold(answer: { account: string; bytes: number; giveWay: () => void }): HeldAnswer | null
}

export interface HeldAnswer {
  /** Frees the memory, at the first call. */
  release(): void
}

interface Demand {
  readonly account: string
  readonly bytes: number
  readonly giveWay: () => void
}

interface Answer extends Demand {
  readonly startTime: number
}

interface Waiting extends Demand {
  readonly bounds: RequestBounds
  readonly turn: PromiseWithResolvers<HeldAnswer>
}

/** Milliseconds after which an answer gives way to one of an account that holds less, and after which to any. */
const minTime = 2_000
const fairTime = 20_000

/** Milliseconds after which it is looked again whether answers have been under way for long enough to give way. */
const interval = 250

/** How many of those that wait are tried in vain at a time, which takes time for each answer under way. */
const maxVainTries = 16

/** The part of the memory that only accounts which hold little may use, and what is little. */
const reservedPart = 1 / 4
const smallPart = 1 / 64

export function createAnswerBudget({
  maxBytes,
  maxAccountBytes,
  monotonicClock,
  wait,
}: {
  maxBytes: number
  maxAccountBytes: number
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
    const { account, bytes, giveWay } = demand
    const answer = { account, bytes, giveWay, startTime: monotonicClock() }
    answers.add(answer)
    held += bytes
    heldByAccount.set(account, heldBy(account) + bytes)
    return { release: () => release(answer) }
  }

  function release(answer: Answer): void {
    if (!answers.delete(answer)) return
    held -= answer.bytes
    const left = heldBy(answer.account) - answer.bytes
    if (left === 0) heldByAccount.delete(answer.account)
    else heldByAccount.set(answer.account, left)
    freed.resolve()
    freed = Promise.withResolvers()
  }

  /** Has answers give way if that makes room for another. */
  function makeRoom(demand: Demand): void {
    const [heaviest, heaviestBytes] = findHeaviest()
    const isUnfair = heaviestBytes > heldBy(demand.account) + demand.bytes
    const now = monotonicClock()
    const candidates = [...answers].filter(({ account, startTime }) => {
      const time = isUnfair && account === heaviest ? minTime : fairTime
      return now - startTime >= time
    })
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

  /** Serves those that wait: first those whose account would hold least. */
  function serveOnce(): void {
    const wanted = ({ account, bytes }: Waiting) => heldBy(account) + bytes
    let triesLeft = maxVainTries
    for (const demand of [...waiting].sort((a, b) => wanted(a) - wanted(b))) {
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

  async function waitForTurn(demand: Waiting): Promise<HeldAnswer> {
    waiting.add(demand)
    void serve()
    const { bounds, turn } = demand
    const timing = { wait, monotonicClock, onTimeout: throwTooMany }
    return await withDeadline(timing, bounds, turn.promise).catch((error: unknown) => {
      if (waiting.delete(demand)) throw error
      // Its turn came in the same moment.
      return turn.promise
    })
  }

  return {
    tryHold,
    async hold(demand) {
      // What is free now did not suffice for those that wait.
      return tryHold(demand) ?? (await waitForTurn({ ...demand, turn: Promise.withResolvers() }))
    },
  }
}

/** Returns the answers of which the end frees enough, those of the same account and the oldest first; none if all are too few. */
function chooseLeaving(
  candidates: readonly Answer[],
  account: string,
  missing: { own: number; all: number },
): readonly Answer[] {
  const [own, others] = [true, false].map((isOwn) =>
    candidates.filter((answer) => (answer.account === account) === isOwn),
  )
  let [missingOfOwn, missingOfAll] = [missing.own, missing.all]
  const leaving: Answer[] = []
  for (const answer of own ?? []) {
    if (missingOfOwn <= 0 && missingOfAll <= 0) break
    leaving.push(answer)
    missingOfOwn -= answer.bytes
    missingOfAll -= answer.bytes
  }
  for (const answer of others ?? []) {
    if (missingOfAll <= 0) break
    leaving.push(answer)
    missingOfAll -= answer.bytes
  }
  return missingOfOwn <= 0 && missingOfAll <= 0 ? leaving : []
}

function throwTooMany(): never {
  throw new DomainError('unavailable', 'Too many answers are under way')
}
