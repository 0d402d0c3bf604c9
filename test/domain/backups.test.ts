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

describe.each(engines)('scheduled backups, on $engine,', ({ open }) => {
  test('have a state that starts with the first one, and names the last verified one or failure', async () => {
    await using store = await open()
    const clock = fakeClock()
    const backups = createBackups({ store, clock })
    const nothing = { verified: null, failure: null, claimedUntil: 0 }
    expect(await backups.state()).toEqual({ ...nothing, since: clock() })
    // Reading the state must not write: it must work with a full disk.
    expect(await store.read((tx) => tx.backups.find())).toBeNull()
    clock.advance(hour)
    const since = clock()
    await backups.recordFailure('the disk is away')
    const failure = { time: clock(), reason: 'the disk is away' }
    clock.advance(hour)
    const untouched = { ...nothing, since }
    expect(await backups.state()).toEqual({ ...untouched, failure })
    const backup = { ...verified, time: clock() }
    await backups.recordVerified(backup)
    expect(await backups.state()).toEqual({ ...untouched, verified: backup })
  })

  test('can be claimed by one of many servers, and an hour later by the next', async () => {
    await using store = await open()
    const clock = fakeClock()
    const servers = Array.from({ length: 5 }, () => createBackups({ store, clock }))
    const due = clock() - hour
    const countClaims = async () => {
      const claims = await Promise.all(servers.map((backups) => backups.claim(due)))
      return claims.filter(Boolean).length
    }
    expect(await countClaims()).toBe(1)
    expect(await countClaims()).toBe(0)
    clock.advance(hour)
    expect(await countClaims()).toBe(1)
    const [backups] = servers
    await backups?.recordVerified({ ...verified, time: clock() })
    expect(await countClaims()).toBe(0)
    // The next daily backup is free again.
    clock.advance(24 * hour)
    expect(await backups?.claim(due + 24 * hour)).toBeTrue()
  })

  test('ignore a claim that was made with a wrong clock', async () => {
    await using store = await open()
    const clock = fakeClock()
    const backups = createBackups({ store, clock })
    expect(await backups.claim(clock())).toBeTrue()
    clock.advance(-1_000 * hour)
    expect(await backups.claim(clock())).toBeTrue()
  })
})

describe('daily backups', () => {
  const now = 1_000 * hour
  const state = (change: Partial<BackupState>): BackupState => ({
    ...{ since: now - hour, verified: null, failure: null, claimedUntil: 0 },
    ...change,
  })
  const at = (hoursAgo: number) => ({ ...verified, time: now - hoursAgo * hour })
  const failed = (hoursAgo: number) => ({ time: now - hoursAgo * hour, reason: 'x' })

  test.each([
    ['are fine on the first day', state({}), null],
    ['are stale after two days without one', state({ since: now - 49 * hour }), 'stale'],
    ['are fine with one of last night', state({ since: 0, verified: at(20) }), null],
    ['are stale if the last one is older than two days', state({ verified: at(49) }), 'stale'],
    ['have failed if the last one has', state({ verified: at(20), failure: failed(1) }), 'failed'],
    [
      'are fine if one has succeeded since the failure',
      state({ verified: at(1), failure: failed(20) }),
      null,
    ],
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

  test('is due later with jitter, and is the same time for all servers', () => {
    const daily = { hour: 2, minute: 0, jitter: 120 }
    expect(lastDue(daily, 0.5, at('2026-11-24T02:59:59'))).toBe(at('2026-11-23T02:00:00'))
    expect(lastDue(daily, 0.5, at('2026-11-24T03:00:00'))).toBe(at('2026-11-24T02:00:00'))
    expect(lastDue(daily, 0, at('2026-11-24T02:00:00'))).toBe(at('2026-11-24T02:00:00'))
  })
})

describe('readiness', () => {
  const store = { check: async () => {}, isShortOfSpace: () => false }
  const clock = fakeClock()
  const ready = { problem: null, warnings: [] }

  test('warns about a nearly full disk, and failed or missing backups', async () => {
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
        { kind: 'failed_backup', detail: 'the last backup failed: the disk is away' },
      ],
    })
    const stale = { ...failing, failure: null }
    expect(await createReadiness({ store, backups: backups(stale), clock }).check()).toEqual({
      problem: null,
      warnings: [
        { kind: 'stale_backup', detail: 'no verified backup since 1970-01-01T00:00:00.000Z' },
      ],
    })
  })
})
