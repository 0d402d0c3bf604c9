import { setNewest } from './newest-entries'
import type { PasswordHash } from './password-hash'
import type { MonotonicClock } from './runtime'

interface Attempt {
  /** In lower case. */
  readonly email: string
  readonly masterPasswordHash: string
  /** Of the account; null if there is none. */
  readonly passwordHash: PasswordHash | null
}

/**
 * The credentials that were wrong a moment ago. Android repeats a mistyped master password about forty times (contract), each of
 * which would take as long to check as the first.
 */
export interface WrongCredentials {
  /** Whether these credentials were wrong for this account a moment ago, and it has had the same password since. */
  has(attempt: Attempt): boolean
  add(attempt: Attempt): void
}

/** Milliseconds for which wrong credentials are remembered. */
const lifetime = 10_000

/** How many are remembered at most: the oldest are forgotten first. */
const maxCount = 1_000

/** `digest` returns a short text for a text, which can't be computed without this process's key. */
export function createWrongCredentials({
  monotonicClock,
  digest,
}: {
  monotonicClock: MonotonicClock
  digest: (text: string) => string
}): WrongCredentials {
  /** When each was wrong, by its digest, the oldest first. */
  const times = new Map<string, number>()
  const keyOf = ({ email, masterPasswordHash, passwordHash }: Attempt) =>
    digest(`${passwordHash ?? ''}\n${email}\n${masterPasswordHash}`)
  return {
    has(attempt) {
      const time = times.get(keyOf(attempt))
      return time !== undefined && monotonicClock() - time <= lifetime
    },

    add(attempt) {
      setNewest(times, { key: keyOf(attempt), value: monotonicClock(), max: maxCount })
    },
  }
}
