import type { MonotonicClock } from './runtime'
import type { UserWithRevision } from './user'

/** The vault that an answer is about, in one state. */
export type AnswerOwner = Pick<UserWithRevision, 'id' | 'revision'>

/**
 * Keeps encoded answers for the next request in the same state of the vault. An answer is found only for the account and the state
 * that it was made for, so a change of the vault, by any server of the database, needs no notice.
 */
export interface AnswerCache {
  /** Bytes of what is kept. */
  readonly bytes: number
  /** Returns the answer to a request for `resource`, null if it is not kept. */
  find(owner: AnswerOwner, resource: string): Blob | null
  /** Keeps an answer, unless it is too large. Those that were used longest ago are forgotten for it. */
  keep(owner: AnswerOwner, resource: string, answer: Blob): void
  /** Forgets the answers of an account. */
  forget(account: string): void
  /** Frees so many bytes, or all there are: those of the accounts that asked longest ago first. */
  shrink(bytes: number): void
  /** Forgets what was not used for five minutes. */
  forgetUnused(): void
}

/** Milliseconds after which an answer that nobody asks for is forgotten. */
const maxUnused = 5 * 60_000

/** Bytes that an answer takes besides its text, roughly. */
const overheadBytes = 512

/** The part of the memory that one account may take. */
const accountPart = 1 / 4

interface Account {
  readonly revision: number
  /** By resource, the one that was used last at the end. */
  readonly answers: Map<string, Blob>
  bytes: number
  usedTime: number
}

export function createAnswerCache({
  maxBytes,
  monotonicClock,
}: {
  maxBytes: number
  monotonicClock: MonotonicClock
}): AnswerCache {
  /** The one that was used last at the end. */
  const accounts = new Map<string, Account>()
  let bytes = 0

  function use(id: string, account: Account): void {
    account.usedTime = monotonicClock()
    accounts.delete(id)
    accounts.set(id, account)
  }

  function forget(id: string): void {
    bytes -= accounts.get(id)?.bytes ?? 0
    accounts.delete(id)
  }

  /** Forgets the oldest answer of an account. */
  function forgetOldest(id: string, account: Account): void {
    const [oldest] = account.answers
    if (oldest === undefined) throw new Error('an account without answers')
    const [resource, answer] = oldest
    account.answers.delete(resource)
    addBytes(account, -sizeOf(answer))
    if (account.answers.size === 0) accounts.delete(id)
  }

  function addBytes(account: Account, count: number): void {
    account.bytes += count
    bytes += count
  }

  function shrinkTo(limit: number): void {
    while (bytes > limit) {
      const [oldest] = accounts
      if (oldest === undefined) return
      forgetOldest(...oldest)
    }
  }

  /** Returns an account in the state of a request. The answers of another state are forgotten. */
  function accountOf({ id, revision }: AnswerOwner): Account | null {
    const account = accounts.get(id)
    if (account === undefined || account.revision === revision) return account ?? null
    forget(id)
    return null
  }

  return {
    get bytes() {
      return bytes
    },

    find(owner, resource) {
      const account = accountOf(owner)
      const answer = account?.answers.get(resource)
      if (account === null || answer === undefined) return null
      account.answers.delete(resource)
      account.answers.set(resource, answer)
      use(owner.id, account)
      return answer
    },

    keep(owner, resource, answer) {
      const size = sizeOf(answer)
      if (size > maxBytes * accountPart) return
      const { id, revision } = owner
      const account = accountOf(owner) ?? { revision, answers: new Map(), bytes: 0, usedTime: 0 }
      const known = account.answers.get(resource)
      account.answers.delete(resource)
      account.answers.set(resource, answer)
      use(id, account)
      addBytes(account, size - (known === undefined ? 0 : sizeOf(known)))
      while (account.bytes > maxBytes * accountPart) forgetOldest(id, account)
      shrinkTo(maxBytes)
    },

    forget,

    shrink(count) {
      if (count > 0) shrinkTo(Math.max(0, bytes - count))
    },

    forgetUnused() {
      const now = monotonicClock()
      for (const [id, { usedTime }] of accounts) {
        if (now - usedTime < maxUnused) return
        forget(id)
      }
    },
  }
}

function sizeOf({ size }: Blob): number {
  return overheadBytes + size
}
