import { describe, expect, test } from 'bun:test'
import { lastDue } from '../../src/domain/backup-schedule'
import type { BackupState } from '../../src/domain/backup-state'
import { backupProblem, createBackups } from '../../src/domain/backups'
import { createReadiness } from '../../src/domain/readiness'
import { openPostgresStore, openSqliteStore, type TestStore } from '../support/store'
import { fakeClock } from '../support/timing'

const engines: { engine: string; open: () => Promise<TestStore> }[] = [
  { engine: 'SQLite', open: openSqliteStore },
  { engine: 'Postgres', open: () => openPostgresStore() },
]

const hour = 3_600_000
const verified = { path: '/backups/a.sqlite', host: 'pi' }

describe.each(engines)('what is known of archives, on $engine,', ({ open }) => {
  test('begins with the first try, and tells of the last proof and the last failure', async () => {
    await using store = await open()
    const clock = fakeClock()
    const backups = createBackups({ store, clock })
    const nothing = { verified: null, failure: null, claimedUntil: 0 }
    expect(await backups.state()).toEqual({ ...nothing, since: clock() })
    // A look at what is known is no write: with a full disk it could not be.
    expect(await store.read((tx) => tx.backups.find())).toBeNull()
    clock.advance(hour)
    const since = clock()
    await backups.recordFailure('the disk is away')
    const failure = { time: clock(), reason: 'the disk is away' }
    clock.advance(hour)
    const untouched = { ...nothing, since }
    expect(await backups.state()).toEqual({ ...untouched, failure })
    const proof = { ...verified, time: clock() }
    await backups.recordVerified(proof)
    expect(await backups.state()).toEqual({ ...untouched, verified: proof })
  })

  test('gives a try to one of many servers, and an hour later to the next', async () => {
    await using store = await open()
    const clock = fakeClock()
    const servers = Array.from({ length: 5 }, () => createBackups({ store, clock }))
    const due = clock() - hour
    const tries = async () => {
      const claims = await Promise.all(servers.map((backups) => backups.claim(due)))
      return claims.filter(Boolean).length
    }
    expect(await tries()).toBe(1)
    expect(await tries()).toBe(0)
    clock.advance(hour)
    expect(await tries()).toBe(1)
    const [backups] = servers
    await backups?.recordVerified({ ...verified, time: clock() })
    expect(await tries()).toBe(0)
    // The next day is another one's.
    clock.advance(24 * hour)
    expect(await backups?.claim(due + 24 * hour)).toBeTrue()
  })

  test('forgets a claim of a clock that was wrong', async () => {
    await using store = await open()
    const clock = fakeClock()
    const backups = createBackups({ store, clock })
    expect(await backups.claim(clock())).toBeTrue()
    clock.advance(-1_000 * hour)
    expect(await backups.claim(clock())).toBeTrue()
  })
})

describe('the archives of a database', () => {
  const now = 1_000 * hour
  const state = (change: Partial<BackupState>): BackupState => ({
    ...{ since: now - hour, verified: null, failure: null, claimedUntil: 0 },
    ...change,
  })
  const at = (hoursAgo: number) => ({ ...verified, time: now - hoursAgo * hour })
  const failed = (hoursAgo: number) => ({ time: now - hoursAgo * hour, reason: 'x' })

  test.each([
    ['are as they should be on the first day', state({}), null],
    ['are missing after two', state({ since: now - 49 * hour }), 'stale'],
    ['are as they should be with one of tonight', state({ since: 0, verified: at(20) }), null],
    ['are stale without one for two days', state({ verified: at(49) }), 'stale'],
    [
      'have failed when the last try has',
      state({ verified: at(20), failure: failed(1) }),
      'failed',
    ],
    ['have recovered since', state({ verified: at(1), failure: failed(20) }), null],
  ] as const)('%s', (_name, given, expected) => {
    expect(backupProblem(given, now)).toBe(expected)
  })
})

describe('the daily time', () => {
  const at = (text: string) => new Date(text).getTime()

  test.each([
    ['2026-11-24T03:29:59', '2026-11-23T03:30:00'],
    ['2026-11-24T03:30:00', '2026-11-24T03:30:00'],
    ['2026-11-24T23:59:59', '2026-11-24T03:30:00'],
    ['2026-03-01T00:00:00', '2026-02-28T03:30:00'],
  ])('at %s was last at %s', (now, due) => {
    expect(lastDue({ hour: 3, minute: 30, jitter: 0 }, 0.9, at(now))).toBe(at(due))
  })

  test('comes later within the jitter, and is the same one wherever in it', () => {
    const daily = { hour: 2, minute: 0, jitter: 120 }
    expect(lastDue(daily, 0.5, at('2026-11-24T02:59:59'))).toBe(at('2026-11-23T02:00:00'))
    expect(lastDue(daily, 0.5, at('2026-11-24T03:00:00'))).toBe(at('2026-11-24T02:00:00'))
    expect(lastDue(daily, 0, at('2026-11-24T02:00:00'))).toBe(at('2026-11-24T02:00:00'))
  })
})

describe('a look at readiness', () => {
  const store = { check: async () => {}, isShortOfSpace: () => false }
  const clock = fakeClock()
  const ready = { problem: null, warnings: [] }

  test('warns of a disk that is nearly full, and of archives that failed or are missing', async () => {
    expect(await createReadiness({ store, backups: null, clock }).check()).toEqual(ready)
    const short = { ...store, isShortOfSpace: () => true }
    const failing: BackupState = {
      ...{ since: 0, verified: null, claimedUntil: 0 },
      failure: { time: 1, reason: 'the disk is away' },
    }
    const backups = (state: BackupState) => ({ state: async () => state })
    expect(
      await createReadiness({ store: short, backups: backups(failing), clock }).check(),
    ).toEqual({
      problem: null,
      warnings: [
        { kind: 'low_space', detail: expect.stringContaining('writes are refused') },
        { kind: 'failed_backup', detail: 'the last archive failed: the disk is away' },
      ],
    })
    const stale = { ...failing, failure: null }
    expect(await createReadiness({ store, backups: backups(stale), clock }).check()).toEqual({
      problem: null,
      warnings: [
        { kind: 'stale_backup', detail: 'no archive was proven since 1970-01-01T00:00:00.000Z' },
      ],
    })
  })
})
