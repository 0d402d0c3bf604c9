import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { startAuditWriter } from '../../../src/app/server/audit-writer'
import { loadConfig } from '../../../src/config/load'
import { DomainError } from '../../../src/domain/errors'
import { createLoginEventBuffer, type LoginEvent } from '../../../src/domain/login-events'
import type { Store } from '../../../src/domain/store'
import { createLog } from '../../../src/log'
import { key, listAuditRows } from '../../support/audit'
import { openSqliteStore, type TestStore } from '../../support/store'
import { manualTiming, random, watchOf } from '../../support/timing'
import { until } from '../../support/until'

// Longer than `until` waits, so that its error names what did not come.
setDefaultTimeout(300_000)

const { settings } = loadConfig({
  environment: { SNAILPASS_AUDIT_DAYS: '0' },
  flags: { dataDir: '/nonexistent' },
  file: null,
})

const aLogin = (id: string): LoginEvent => ({
  kind: 'login-failed',
  user: { id, email: `${id}@nas.local` },
  address: '10.0.0.1',
})

/**
 * Starts a writer over a store whose reads and writes fail while `fault.error` is set, and whose writes fail while `fault.ofWrites`
 * is. Time passes by `advance`.
 */
async function startTestWriter(store: TestStore, error: Error | null = null) {
  const fault: { error: Error | null; ofWrites: Error | null } = { error, ofWrites: null }
  const failing: Store = {
    ...store,
    read: (work) => (fault.error === null ? store.read(work) : Promise.reject(fault.error)),
    write: (work) => {
      const reason = fault.error ?? fault.ofWrites
      return reason === null ? store.write(work) : Promise.reject(reason)
    },
  }
  const timing = manualTiming()
  const lines: {
    level: string
    message: string
    fault?: string
    reason?: string
    newest?: string
  }[] = []
  const log = createLog('json', timing.clock, (line) => lines.push(JSON.parse(line)))
  const loginEvents = createLoginEventBuffer(timing)
  const runtime = { ...timing, random }
  const writer = await startAuditWriter({
    ...{ store: failing, loginEvents, settings, runtime, log },
    clockWatch: watchOf(timing.clock),
  })
  const userIds = async () => (await listAuditRows(store)).flatMap(({ userId }) => userId ?? [])
  /** Lines about anything but the newest row. */
  const problems = () => lines.filter(({ message }) => message !== 'audit log head')
  const { advance } = timing
  return { writer, fault, loginEvents, advance, userIds, problems, lines }
}

async function openKeyedStore() {
  const store = await openSqliteStore()
  await store.claimKeyFingerprint(key)
  return store
}

describe('the audit writer', () => {
  test('remembers that the log was cut, also once that is recorded', async () => {
    await using store = await openSqliteStore()
    await store.claimKeyFingerprint(key)
    const { writer, advance, problems } = await startTestWriter(store)
    await advance(5_000)
    expect(writer.isIntact()).toBeTrue()
    await store.runOnWriter('delete from audit')
    await advance(60_000)
    expect(writer.isIntact()).toBeFalse()
    expect(problems()[0]?.message).toBe('the audit log was cut or replaced: a row is missing')
    await writer.stop(1_000)
  })

  test.each(['while it runs', 'right before its stop'])(
    'records once that the log was put back, before the sign-ins: %s',
    async (when) => {
      await using store = await openKeyedStore()
      const { writer, loginEvents, advance, problems } = await startTestWriter(store)
      for (const table of ['audit', 'audit_marks'])
        await store.runOnWriter(`create temp table old_${table} as select * from ${table}`)
      loginEvents.record(aLogin('a'))
      await advance(10_000)
      for (const table of ['audit', 'audit_marks']) {
        await store.runOnWriter(`delete from ${table}`)
        await store.runOnWriter(`insert into ${table} select * from old_${table}`)
      }
      loginEvents.record(aLogin('b'))
      if (when === 'while it runs') await advance(60_000)
      expect(await writer.stop(1_000)).toBeTrue()
      expect(await listAuditRows(store)).toMatchObject([
        { kind: 'trail-begun' },
        {
          kind: 'trail-broken',
          detail: 'row 2 was the newest one, and is gone or another: the trail was cut or put back',
        },
        { kind: 'login-failed', userId: 'b' },
      ])
      expect(problems()).toHaveLength(1)
    },
  )

  test('writes what is left at its stop, counted sign-ins included, and logs the row that is the newest then', async () => {
    await using store = await openKeyedStore()
    const { writer, loginEvents, advance, problems, lines } = await startTestWriter(store)
    await advance(5_000)
    for (const id of ['a', 'b', 'a', 'a']) loginEvents.record(aLogin(id))
    expect(await writer.stop(1_000)).toBeTrue()
    const rows = await listAuditRows(store)
    expect(rows.slice(1)).toMatchObject([
      { userId: 'a', count: 1 },
      { userId: 'b', count: 1 },
      { userId: 'a', count: 2 },
    ])
    expect(problems()).toEqual([])
    expect(lines.at(-1)?.newest).toStartWith(`${rows.at(-1)?.number}:`)
  })

  test('keeps the sign-ins that it could not write, in their order', async () => {
    await using store = await openKeyedStore()
    const { writer, fault, loginEvents, advance, userIds } = await startTestWriter(store)
    await advance(5_000)
    fault.ofWrites = new DomainError('storage_full', 'the disk is full')
    for (const id of ['a', 'b']) loginEvents.record(aLogin(id))
    await advance(15_000)
    expect(await userIds()).toEqual([])
    fault.ofWrites = null
    loginEvents.record(aLogin('c'))
    await advance(5_000)
    expect(await userIds()).toEqual(['a', 'b', 'c'])
    await writer.stop(1_000)
  })

  test('writes sign-ins every five seconds', async () => {
    await using store = await openKeyedStore()
    const { writer, loginEvents, advance, userIds, problems } = await startTestWriter(store)
    await advance(1_000)
    loginEvents.record(aLogin('a'))
    await advance(3_000)
    expect(await userIds()).toEqual([])
    await advance(2_000)
    expect(await userIds()).toEqual(['a'])
    expect(await writer.stop(1_000)).toBeTrue()
    expect(problems()).toEqual([])
  })

  test.each([
    [
      'warns once of a database that is away',
      new DomainError('unavailable', 'the database is away'),
      { level: 'warn', message: 'writing the audit log failed', reason: 'the database is away' },
    ],
    [
      'logs a bug whole',
      new TypeError('undefined is not a function'),
      {
        level: 'error',
        message: 'writing the audit log failed',
        fault: expect.stringContaining('audit-writer.test.ts'),
      },
    ],
  ])('%s, goes on, and writes what waited', async (_name, error, line) => {
    await using store = await openKeyedStore()
    const setup = await startTestWriter(store, error)
    const { writer, fault, loginEvents, advance, userIds, problems } = setup
    loginEvents.record(aLogin('a'))
    await advance(12_000)
    expect(problems()).toEqual([expect.objectContaining(line)])
    fault.error = null
    loginEvents.record(aLogin('b'))
    await advance(5_000)
    expect(await userIds()).toEqual(['a', 'b'])
    await writer.stop(1_000)
    expect(problems()).toHaveLength(1)
  })

  test('reports at its stop that it could not write everything', async () => {
    await using store = await openKeyedStore()
    const { writer, fault, loginEvents, advance, problems } = await startTestWriter(store)
    await advance(1_000)
    fault.error = new TypeError('undefined is not a function')
    loginEvents.record(aLogin('a'))
    expect(await writer.stop(1_000)).toBeTrue()
    expect(problems()).toEqual([
      expect.objectContaining({ level: 'error', message: 'writing the audit log failed' }),
      expect.objectContaining({
        level: 'warn',
        message: 'the audit log may lack sign-ins',
        rows: 1,
      }),
    ])
  })

  test('reports at its stop that writing takes longer than the timeout', async () => {
    await using store = await openKeyedStore()
    const blocked = Promise.withResolvers<void>()
    const slow: TestStore = {
      ...store,
      write: async (work) => {
        await blocked.promise
        return await store.write(work)
      },
    }
    const { writer, loginEvents, advance, userIds, problems } = await startTestWriter(slow)
    loginEvents.record(aLogin('a'))
    await advance(5_000)
    const stopped = writer.stop(500)
    await advance(500)
    expect(await stopped).toBeFalse()
    expect(problems()).toEqual([
      expect.objectContaining({ message: 'the audit log may lack sign-ins' }),
    ])
    blocked.resolve()
    await until(async () => (await userIds()).length > 0, 'the delayed sign-in to be written')
    await advance(1_000)
  })
})
