import { describe, expect, test } from 'bun:test'
import { systemRuntime } from '../../src/app/runtime'
import { parseDatabaseUrl } from '../../src/config/database-url'
import {
  connectWhenStarted,
  lockExclusively,
  waitForLock,
  withSession,
} from '../../src/database/postgres-session'
import type { PostgresSession } from '../../src/engine/postgres/connection'
import { openReader } from '../../src/engine/sqlite/connection'
import { captureError } from '../support/capture-error'
import { postgresDatabaseAt } from '../support/store'

/** A session that gets a lock at the attempt with this number. Records locks that are taken, and whether it is closed. */
function createSession(grantedAt: Partial<Record<'migration' | 'presence', number>> = {}) {
  const attempts: string[] = []
  const closed: boolean[] = []
  const { dialect } = openReader(':memory:')
  const session: PostgresSession = {
    dialect,
    async tryLock(lock) {
      attempts.push(lock)
      const count = attempts.filter((attempt) => attempt === lock).length
      return count >= (grantedAt[lock] ?? Number.POSITIVE_INFINITY)
    },
    unlock: () => Promise.resolve(),
    close: async () => void closed.push(true),
  }
  return { session, attempts, closed }
}

/** Waits that take no time and are recorded, and calls of `onWaiting`. */
function recordWaits() {
  const waits: number[] = []
  const calls: string[] = []
  return {
    waits,
    calls,
    options: {
      wait: async (milliseconds: number) => void waits.push(milliseconds),
      onWaiting: () => void calls.push('waiting'),
    },
  }
}

const minute = Array(240).fill(250)
const tenSeconds = Array(40).fill(250)

describe('a server', () => {
  test.each([
    ['migration', minute],
    ['presence', tenSeconds],
  ] as const)('waits for the %s lock for so long, and says so once', async (lock, expected) => {
    const { session, attempts } = createSession()
    const { waits, calls, options } = recordWaits()
    expect(await waitForLock(session, lock, options)).toBeFalse()
    expect(waits).toEqual(expected)
    expect(attempts).toEqual(Array(expected.length + 1).fill(lock))
    expect(calls).toEqual(['waiting'])
  })

  test('does not wait for a lock that is free, and no longer than until it is', async () => {
    const { waits, calls, options } = recordWaits()
    expect(
      await waitForLock(createSession({ presence: 1 }).session, 'presence', options),
    ).toBeTrue()
    expect({ waits, calls }).toEqual({ waits: [], calls: [] })
    const { session } = createSession({ migration: 3 })
    expect(await waitForLock(session, 'migration', options)).toBeTrue()
    expect({ waits, calls }).toEqual({ waits: [250, 250], calls: ['waiting'] })
    expect(
      await waitForLock(createSession({ presence: 2 }).session, 'presence', { wait: options.wait }),
    ).toBeTrue()
  })

  test('waits ten seconds for Postgres to start, and then fails with the last error', async () => {
    const address = parseDatabaseUrl('postgres://u:p@127.0.0.1:1/db')
    if (address.engine !== 'postgres') throw new Error('not a URL of Postgres')
    const { waits, calls, options } = recordWaits()
    expect(await captureError(connectWhenStarted(address, options))).toMatchObject({
      name: 'ConnectionFault',
      message: 'no host of this database can be used',
    })
    expect({ waits, calls }).toEqual({ waits: tenSeconds, calls: ['waiting'] })
    const opening = postgresDatabaseAt('postgres://u:p@127.0.0.1:1/db', {
      timing: { ...systemRuntime, wait: options.wait },
    }).openForServer({ create: true })
    expect(await captureError(opening)).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining("can't be used: "),
    })
    expect(waits).toEqual([...tenSeconds, ...tenSeconds])
  })

  test('does not wait for Postgres after an error that waiting can not change', async () => {
    const address = parseDatabaseUrl(
      'postgres://u:p@127.0.0.1:1/db?sslmode=verify-full&sslrootcert=/dev/null/missing',
    )
    if (address.engine !== 'postgres') throw new Error('not a URL of Postgres')
    const { waits, calls, options } = recordWaits()
    expect(await captureError(connectWhenStarted(address, options))).toMatchObject({
      code: 'ENOTDIR',
    })
    expect({ waits, calls }).toEqual({ waits: [], calls: [] })
  })
})

describe('a command', () => {
  test('waits half a second for a server that has just ended', async () => {
    const { session, attempts } = createSession({ migration: 1 })
    const { waits, options } = recordWaits()
    expect(await lockExclusively(session, options.wait)).toBeFalse()
    expect(waits).toEqual(Array(10).fill(50))
    expect(attempts).toEqual(Array(11).fill(['migration', 'presence']).flat())
  })

  test('takes both locks, that of migrations first', async () => {
    const { session, attempts } = createSession({ migration: 2, presence: 1 })
    const { waits, options } = recordWaits()
    expect(await lockExclusively(session, options.wait)).toBeTrue()
    expect({ waits, attempts }).toEqual({
      waits: [50],
      attempts: ['migration', 'migration', 'presence'],
    })
  })

  test('has its session until the end of the work, and is not done before that is closed', async () => {
    const { session, closed } = createSession()
    const [working, closing] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const slow: PostgresSession = {
      ...session,
      async close() {
        await session.close()
        await closing.promise
      },
    }
    let isDone = false
    const done = withSession(Promise.resolve(slow), () => working.promise).then(() => {
      isDone = true
    })
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    await turn()
    expect(closed).toEqual([])
    working.resolve()
    await turn()
    expect({ closed, isDone }).toEqual({ closed: [true], isDone: false })
    closing.resolve()
    await done
  })

  test('closes its session after the work, also after one that failed', async () => {
    for (const fails of [false, true]) {
      const { session, closed } = createSession()
      const work = withSession(Promise.resolve(session), async (given) => {
        expect({ isGiven: given === session, closed }).toEqual({ isGiven: true, closed: [] })
        if (fails) throw new Error('failed')
        return 'done'
      })
      if (fails)
        expect(await captureError(work)).toMatchObject({
          message: expect.stringContaining('failed'),
        })
      else expect(await work).toBe('done')
      expect(closed).toEqual([true])
    }
  })
})
