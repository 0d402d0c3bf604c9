import { describe, expect, test } from 'bun:test'
import { lastDue } from '../../src/domain/backup-schedule'
import type { BackupState } from '../../src/domain/backup-state'
import { backupProblem, createBackups } from '../../src/domain/backups'
import { startPostgresFirst } from '../support/postgres'
import { openSqliteStore, storeEngines } from '../support/store'
import { fakeClock } from '../support/timing'

startPostgresFirst('newest')

const hour = 3_600_000
const verified = { path: '/backups/a.sqlite', host: 'pi' }

describe.each(storeEngines)('scheduled backups, on $engine,', ({ open }) => {
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
    clock.advance(-1)
    expect(await backups.claim(clock())).toBeTrue()
    clock.advance(-1_000 * hour)
    expect(await backups.claim(clock())).toBeTrue()
  })
})

describe('scheduled backups', () => {
  test('are claimed for one hour exactly, which a failure does not end', async () => {
    await using store = await openSqliteStore()
    const clock = fakeClock()
    const backups = createBackups({ store, clock })
    const since = clock()
    const claimed = { since, verified: null, failure: null, claimedUntil: since + hour }
    expect(await backups.claim(since)).toBeTrue()
    expect(await backups.state()).toEqual(claimed)
    clock.advance(1)
    await backups.recordFailure('the disk is away')
    const failure = { time: clock(), reason: 'the disk is away' }
    expect(await backups.state()).toEqual({ ...claimed, failure })
    clock.advance(hour - 2)
    expect(await backups.claim(since)).toBeFalse()
    expect(await backups.state()).toEqual({ ...claimed, failure })
    clock.advance(1)
    expect(await backups.claim(since)).toBeTrue()
    expect(await backups.state()).toEqual({ ...claimed, failure, claimedUntil: since + 2 * hour })
    // A backup that succeeds ends the claim, and forgets the failure.
    const backup = { ...verified, time: clock() }
    await backups.recordVerified(backup)
    const done = { since, verified: backup, failure: null, claimedUntil: 0 }
    expect(await backups.state()).toEqual(done)
    // It counts for every backup that was due by its time.
    expect(await backups.claim(backup.time)).toBeFalse()
    expect(await backups.state()).toEqual(done)
    expect(await backups.claim(backup.time + 1)).toBeTrue()
  })

  test('are created again after one that was dated with a wrong clock, more than an hour ahead', async () => {
    await using store = await openSqliteStore()
    const clock = fakeClock()
    const backups = createBackups({ store, clock })
    await backups.recordVerified({ ...verified, time: clock() + hour })
    expect(await backups.claim(clock())).toBeFalse()
    clock.advance(-1)
    expect(await backups.claim(clock())).toBeTrue()
  })

  test('have failed if the last one has, whatever the clock said before', async () => {
    await using store = await openSqliteStore()
    const clock = fakeClock()
    const backups = createBackups({ store, clock })
    await backups.recordFailure('the disk is away')
    await backups.recordVerified({ ...verified, time: clock() })
    expect(backupProblem(await backups.state(), clock())).toBeNull()
    clock.advance(-1_000 * hour)
    await backups.recordFailure('the disk is away')
    expect(backupProblem(await backups.state(), clock())).toBe('failed')
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
    ['are fine for two days without one', state({ since: now - 48 * hour }), null],
    ['are stale after two days without one', state({ since: now - 48 * hour - 1 }), 'stale'],
    ['are fine with one of last night', state({ since: 0, verified: at(20) }), null],
    ['are fine if the last one is two days old', state({ since: 0, verified: at(48) }), null],
    [
      'are stale if it is older',
      state({ verified: { ...at(48), time: at(48).time - 1 } }),
      'stale',
    ],
    ['are stale long after the last one', state({ verified: at(49) }), 'stale'],
    ['have failed if the last one has', state({ verified: at(20), failure: failed(1) }), 'failed'],
    ['have failed if the first one has', state({ failure: failed(1) }), 'failed'],
  ] as const)('%s', (_name, given, expected) => {
    expect(backupProblem(given, now)).toBe(expected)
  })
})

describe('with a clock that may be wrong,', () => {
  const now = 1_000 * hour
  const backupAt = (time: number) => ({ ...verified, time })

  describe('a backup that was recorded while the clock was wrong', () => {
    test('keeps no further backup from being created', async () => {
      await using store = await openSqliteStore()
      const clock = fakeClock(now)
      const backups = createBackups({ store, clock })
      const claimAfter = async (time: number) => {
        await backups.recordVerified(backupAt(time))
        return await backups.claim(now)
      }
      // The clock of another server may be a little ahead.
      expect([await claimAfter(now), await claimAfter(now + hour)]).toEqual([false, false])
      expect(await claimAfter(now + hour + 1)).toBeTrue()
      expect(await claimAfter(now - 1)).toBeTrue()
      expect(await backups.claim(now)).toBeFalse()
    })

    test('hides neither a failure nor that backups are missing', () => {
      const future = backupAt(now + hour + 1)
      const state = (change: Partial<BackupState>): BackupState => ({
        ...{ since: now - 48 * hour, verified: future, failure: null, claimedUntil: 0 },
        ...change,
      })
      const failure = { time: now, reason: 'the disk is full' }
      expect(backupProblem(state({ failure }), now)).toBe('failed')
      expect(backupProblem(state({}), now)).toBeNull()
      expect(backupProblem(state({ since: now - 48 * hour - 1 }), now)).toBe('stale')
      const close = backupAt(now + hour)
      expect(backupProblem(state({ since: 0, verified: close }), now)).toBeNull()
      expect(backupProblem(state({ since: 0, verified: close, failure }), now)).toBe('failed')
    })
  })

  describe('a verified backup', () => {
    test.each([
      [48 * hour, null],
      [48 * hour + 1, 'stale'],
    ] as const)('that is %i ms old is %p', (age, problem) => {
      const verified = backupAt(now - age)
      expect(backupProblem({ since: 0, verified, failure: null, claimedUntil: 0 }, now)).toBe(
        problem,
      )
    })

    test('does not hide a failure, whatever the clock was then: success removes it from the state', () => {
      const failure = { time: now, reason: 'x' }
      const state = { since: 0, verified: backupAt(now), failure, claimedUntil: 0 }
      expect(backupProblem(state, now)).toBe('failed')
      expect(backupProblem({ ...state, failure: { ...failure, time: now - 1 } }, now)).toBe(
        'failed',
      )
    })
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
    // Whole minutes of it, rounded down.
    expect(lastDue(daily, 0.999, at('2026-11-24T03:58:59'))).toBe(at('2026-11-23T02:00:00'))
    expect(lastDue(daily, 0.999, at('2026-11-24T03:59:00'))).toBe(at('2026-11-24T02:00:00'))
  })
})
