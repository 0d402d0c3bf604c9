import { describe, expect, test } from 'bun:test'
import { ConnectionFault } from '../../src/engine/postgres/faults'
import { createRetries, storageFullError, type WithRetries } from '../../src/store/retries'
import { captureError } from '../support/capture-error'
import { postgresError, sqliteError } from '../support/engine-errors'
import { manualTiming } from '../support/timing'

/** Errors as the engines throw them, by what they mean. */
const faults = {
  busy: sqliteError(5),
  aborted: postgresError('40001'),
  unreachable: new ConnectionFault('cut'),
  full: sqliteError(13),
  damaged: sqliteError(11),
  denied: postgresError('42501'),
  orphan: sqliteError(787),
  bug: new TypeError('undefined is not a function'),
}

/** Runs attempts one after the other, at most for a second. Records when each began, in milliseconds. */
function runAttempts(attempts: ((committing: () => void) => Promise<string>)[]) {
  const timing = manualTiming()
  const start = timing.clock()
  const begins: number[] = []
  const retries = { count: 0 }
  const outcome: { result?: string; error?: unknown; time?: number } = {}
  const settle = (change: { result: string } | { error: unknown }) => {
    Object.assign(outcome, change, { time: timing.clock() - start })
  }
  const onRetry = () => retries.count++
  const withRetries = createRetries({ ...timing, canHang: true, onRetry })
  withRetries(
    (committing) => {
      begins.push(timing.clock() - start)
      const next = attempts.length > 1 ? attempts.shift() : attempts[0]
      return next === undefined ? Promise.resolve('done') : next(committing)
    },
    { timeout: 1_000 },
  ).then(
    (result) => settle({ result }),
    (error) => settle({ error }),
  )
  return { timing, begins, outcome, retries }
}

const fail = (error: unknown) => () => Promise.reject(error)
const succeed = () => Promise.resolve('done')
const unavailable = (cause: unknown) =>
  expect.objectContaining({ code: 'unavailable', message: 'The database is not responding', cause })

describe('a transaction', () => {
  test.each(['busy', 'aborted', 'unreachable'] as const)(
    'is retried every 50 ms while the database is %s',
    async (fault) => {
      const failing = fail(faults[fault])
      const { timing, begins, outcome, retries } = runAttempts([failing, failing, succeed])
      await timing.advance(99)
      expect({ begins, outcome }).toEqual({ begins: [0, 50], outcome: {} })
      await timing.advance(1)
      expect({ begins, outcome }).toEqual({
        begins: [0, 50, 100],
        outcome: { result: 'done', time: 100 },
      })
      expect(retries.count).toBe(2)
    },
  )

  test.each(['damaged', 'denied'] as const)(
    'is not retried if it is %s, and fails as `unavailable`',
    async (fault) => {
      const { timing, begins, outcome } = runAttempts([fail(faults[fault]), succeed])
      await timing.advance(5_000)
      expect({ begins, outcome }).toEqual({
        begins: [0],
        outcome: { error: unavailable(faults[fault]), time: 0 },
      })
    },
  )

  test.each(['orphan', 'bug'] as const)(
    'is not retried after an error of the kind %s, which passes unchanged',
    async (fault) => {
      const { timing, begins, outcome } = runAttempts([fail(faults[fault]), succeed])
      await timing.advance(5_000)
      expect(begins).toEqual([0])
      expect(outcome.error).toBe(faults[fault])
    },
  )

  test('is not retried on a full disk, and fails as `storage_full`', async () => {
    const { timing, begins, outcome } = runAttempts([fail(faults.full), succeed])
    await timing.advance(5_000)
    expect({ begins, outcome }).toEqual({
      begins: [0],
      outcome: {
        error: expect.objectContaining({
          code: 'storage_full',
          message: 'No space is left for new data',
          cause: faults.full,
        }),
        time: 0,
      },
    })
    expect(storageFullError()).toMatchObject({
      code: 'storage_full',
      hint: 'free space on the disk of the database',
      cause: undefined,
    })
  })

  test.each(['busy', 'unreachable'] as const)(
    'whose commit had begun is not retried after %s: it may have been committed',
    async (fault) => {
      const { timing, begins, outcome } = runAttempts([
        async (committing) => {
          committing()
          throw faults[fault]
        },
        succeed,
      ])
      await timing.advance(5_000)
      expect({ begins, outcome }).toEqual({
        begins: [0],
        outcome: { error: unavailable(faults[fault]), time: 0 },
      })
    },
  )

  test('that the engine rolled back at its commit is retried', async () => {
    const { timing, begins, outcome } = runAttempts([
      async (committing) => {
        committing()
        throw faults.aborted
      },
      succeed,
    ])
    await timing.advance(50)
    expect({ begins, outcome }).toEqual({ begins: [0, 50], outcome: { result: 'done', time: 50 } })
  })

  test('is retried after an attempt before it had begun to commit', async () => {
    const { timing, begins } = runAttempts([
      async (committing) => {
        committing()
        throw faults.aborted
      },
      fail(faults.busy),
      succeed,
    ])
    await timing.advance(100)
    expect(begins).toEqual([0, 50, 100])
  })

  test('is given up after the timeout, with the last error, and no further attempt begins', async () => {
    const { timing, begins, outcome } = runAttempts([fail(faults.aborted), fail(faults.busy)])
    await timing.advance(999)
    expect(outcome).toEqual({})
    await timing.advance(1)
    expect(outcome).toEqual({ error: unavailable(faults.busy), time: 1_000 })
    await timing.advance(10_000)
    // The last one began as the time was up.
    expect(begins).toEqual(Array.from({ length: 21 }, (_, index) => index * 50))
  })

  test('that was given up never commits', async () => {
    const { promise: work, resolve } = Promise.withResolvers<void>()
    const log: string[] = []
    const { timing, begins, outcome } = runAttempts([
      async (committing) => {
        await work
        log.push('only the commit is left')
        committing()
        log.push('committed')
        return 'done'
      },
    ])
    await timing.advance(1_000)
    expect(outcome).toEqual({ error: unavailable(undefined), time: 1_000 })
    resolve()
    await timing.advance(5_000)
    expect({ log, begins }).toEqual({ log: ['only the commit is left'], begins: [0] })
  })

  test('that ends in time leaves no timer behind, and shares one with those beside it', async () => {
    const signals: (AbortSignal | undefined)[] = []
    const wait = (_: number, signal?: AbortSignal) => {
      signals.push(signal)
      return new Promise<void>(() => {})
    }
    const clock = { wait, monotonicClock: () => 0 }
    const direct = createRetries({ ...clock, canHang: false })
    expect(await direct(succeed)).toBe('done')
    expect(signals).toEqual([])
    const withRetries = createRetries({ ...clock, canHang: true })
    expect(await withRetries(succeed)).toBe('done')
    await Promise.all([withRetries(succeed), withRetries(succeed)])
    expect(await captureError(withRetries(fail(faults.bug)))).toBe(faults.bug)
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, true, true])
  })
})

describe('how long a transaction is retried', () => {
  /** Starts one that fails at every attempt. Returns after how many milliseconds it was given up, null until then. */
  function startFailing(
    withRetries: WithRetries,
    timing: ReturnType<typeof manualTiming>,
    {
      attempt = fail(faults.unreachable),
      ...options
    }: Parameters<WithRetries>[1] & {
      attempt?: () => Promise<unknown>
    } = {},
  ): () => number | null {
    const start = timing.clock()
    let duration: number | null = null
    withRetries(attempt, options).catch(() => {
      duration = timing.clock() - start
    })
    return () => duration
  }

  const boundsIn = (timing: ReturnType<typeof manualTiming>, milliseconds: number) => ({
    deadline: timing.clock() + milliseconds,
    isAbandoned: false,
  })
  const never = () => new Promise<never>(() => {})

  test.each([
    ['fails', fail(faults.unreachable)],
    ['is busy', fail(faults.busy)],
    ['does not answer', never],
  ])(
    'is 7.5 s for the first ones after the database %s, and a second later',
    async (_what, attempt) => {
      const timing = manualTiming()
      const withRetries = createRetries({ ...timing, canHang: attempt === never })
      const first = startFailing(withRetries, timing, { attempt })
      await timing.advance(5_000)
      const second = startFailing(withRetries, timing, { attempt })
      await timing.advance(2_500)
      expect(first()).toBe(7_500)
      await timing.advance(60_000)
      // One that hangs tells nothing before its time is up.
      expect(second()).toBe(attempt === never ? 7_500 : 2_500)
      const third = startFailing(withRetries, timing, { attempt })
      await timing.advance(1_000)
      expect(third()).toBe(1_000)
    },
  )

  test.each([
    ['an answer', succeed],
    ['a refusal', fail(faults.orphan)],
    ['a conflict', fail(faults.aborted)],
  ])('is 7.5 s again after %s', async (_what, answer) => {
    const timing = manualTiming()
    const withRetries = createRetries({ ...timing, canHang: true })
    startFailing(withRetries, timing)
    await timing.advance(9_000)
    withRetries(answer).catch(() => {})
    await timing.advance(100)
    const next = startFailing(withRetries, timing)
    await timing.advance(7_499)
    expect(next()).toBeNull()
    await timing.advance(1)
    expect(next()).toBe(7_500)
  })

  test('is what is left of the time of its request, and it is not tried when nothing is left', async () => {
    const timing = manualTiming()
    const withRetries = createRetries({ ...timing, canHang: true })
    const late = startFailing(withRetries, timing, { bounds: boundsIn(timing, 300) })
    await timing.advance(300)
    expect(late()).toBe(300)
    let attempts = 0
    const attempt = () => {
      attempts++
      return succeed()
    }
    const over = startFailing(withRetries, timing, { attempt, bounds: boundsIn(timing, 0) })
    await timing.advance(0)
    expect({ attempts, duration: over() }).toEqual({ attempts: 0, duration: 0 })
  })

  test('is never longer than the caller asks for', async () => {
    const timing = manualTiming()
    const withRetries = createRetries({ ...timing, canHang: true })
    const short = startFailing(withRetries, timing, { timeout: 200 })
    await timing.advance(10_000)
    expect(short()).toBe(200)
    const later = startFailing(withRetries, timing, { timeout: 200 })
    await timing.advance(10_000)
    expect(later()).toBe(200)
  })
})
