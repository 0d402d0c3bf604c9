import type { Derive } from '../../crypto/password-hash'
import type { Backups } from '../../domain/backups'
import type { CredentialCheck } from '../../domain/credential-check'
import { DomainError } from '../../domain/errors'
import { type RateLimitName, rateLimitNames } from '../../domain/rate-limits'
import type { MonotonicClock } from '../../domain/runtime'
import type { Store } from '../../domain/store'
import type { AnsweredRequest } from '../../http/listener'
import { DurationHistogram, LabelledCounter } from '../../metrics/exposition'
import { HttpMetrics } from '../../metrics/http'
import { type CollectedMetrics, type LoginResult, loginResults } from '../../metrics/table'

/**
 * Counts what a server does. `observe…` and `count…` return what they were given, which counts now. A server without a listener for
 * metrics has none of it.
 */
export interface Instruments {
  onAnswer(answered: AnsweredRequest): void
  onLimited(limit: RateLimitName): void
  observeStore(store: Store): Store
  observeDerive(derive: Derive): Derive
  countLogins(check: CredentialCheck): CredentialCheck
  countFailures(backups: Backups): Backups
  collect(): CollectedMetrics
}

export function createInstruments(monotonicClock: MonotonicClock): Instruments {
  const http = new HttpMetrics()
  const logins = new LabelledCounter('result', loginResults)
  const limits = new LabelledCounter('limit', Object.values(rateLimitNames))
  const hashes = new DurationHistogram()
  const operations = { read: new DurationHistogram(), write: new DurationHistogram() }
  let queuedHashes = 0
  let failedBackups = 0

  async function measure<T>(histogram: DurationHistogram, work: () => Promise<T>): Promise<T> {
    const start = monotonicClock()
    try {
      return await work()
    } finally {
      histogram.observe(monotonicClock() - start)
    }
  }

  return {
    onAnswer: (answered) => http.observe(answered),
    onLimited: (limit) => limits.increment(limit),

    observeStore: (store) => ({
      ...store,
      read: (work, bounds) => measure(operations.read, () => store.read(work, bounds)),
      readOne: (work, bounds) => measure(operations.read, () => store.readOne(work, bounds)),
      write: (work, bounds) => measure(operations.write, () => store.write(work, bounds)),
    }),

    observeDerive: (derive) => async (input, options) => {
      let start: number | null = null
      queuedHashes++
      const beforeStart = () => {
        options?.beforeStart?.()
        queuedHashes--
        start = monotonicClock()
      }
      try {
        const hash = await derive(input, { ...options, beforeStart })
        hashes.observe(monotonicClock() - (start ?? 0))
        return hash
      } finally {
        if (start === null) queuedHashes--
      }
    },

    countLogins: ({ check }) => ({
      async check(credentials, request) {
        try {
          const account = await check(credentials, request)
          logins.increment('success')
          return account
        } catch (error) {
          logins.increment(loginResultOf(error))
          throw error
        }
      },
    }),

    countFailures: (backups) => ({
      ...backups,
      recordFailure(reason) {
        failedBackups++
        return backups.recordFailure(reason)
      },
    }),

    collect: () => ({
      requests: http.requests(),
      requestDuration: http.durations(),
      cutConnections: http.cutConnections(),
      logins: logins.samples(),
      loginQueue: [{ value: queuedHashes }],
      hashDuration: hashes.samples(),
      rateLimited: limits.samples(),
      databaseDuration: [
        ...operations.read.samples({ scope: 'read' }),
        ...operations.write.samples({ scope: 'write' }),
      ],
      backupFailures: [{ value: failedBackups }],
    }),
  }
}

function loginResultOf(error: unknown): LoginResult {
  switch (error instanceof DomainError ? error.code : null) {
    case 'unauthenticated':
      return 'wrong_credentials'
    case 'forbidden':
      return 'refused'
    case 'rate_limited':
      return 'rate_limited'
    default:
      return 'unavailable'
  }
}
