import { describe, expect, test } from 'bun:test'
import type { BackupState } from '../../src/domain/backup-state'
import { backupProblem, createBackups } from '../../src/domain/backups'
import { openSqliteStore } from '../support/store'
import { fakeClock } from '../support/timing'

const hour = 3_600_000
const now = 1_000 * hour
const backupAt = (time: number) => ({ time, path: '/backups/a.sqlite', host: 'pi' })

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
    expect(backupProblem({ since: 0, verified, failure: null, claimedUntil: 0 }, now)).toBe(problem)
  })

  test('does not hide a failure, whatever the clock was then: success removes it from the state', () => {
    const failure = { time: now, reason: 'x' }
    const state = { since: 0, verified: backupAt(now), failure, claimedUntil: 0 }
    expect(backupProblem(state, now)).toBe('failed')
    expect(backupProblem({ ...state, failure: { ...failure, time: now - 1 } }, now)).toBe('failed')
  })
})
