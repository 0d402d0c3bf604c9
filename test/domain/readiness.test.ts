import { describe, expect, test } from 'bun:test'
import type { BackupFolderReport } from '../../src/domain/backup-folder'
import type { BackupState } from '../../src/domain/backup-state'
import { DomainError } from '../../src/domain/errors'
import type { ClockProblem } from '../../src/domain/known-time'
import { createReadiness } from '../../src/domain/readiness'
import { captureError } from '../support/capture-error'
import { fakeClock } from '../support/timing'

const ready = { problem: null, warnings: [] }
const hour = 3_600_000

/** Readiness over a store whose state a test sets, with the number of checks of the database so far. */
function createTestReadiness(backups: BackupState | null = null) {
  const clock = fakeClock()
  const state = {
    checks: 0,
    isFailing: false,
    isShort: false,
    error: null as Error | null,
    backups,
    clockProblem: null as ClockProblem | null,
    folder: null as BackupFolderReport | null,
    damage: null as string | null,
    watched: { open_files: null as string | null, unlisted_proxy: null as string | null },
  }
  const readiness = createReadiness({
    store: {
      async check() {
        state.checks++
        if (state.error !== null) throw state.error
      },
      isFailing: () => state.isFailing,
      isShortOfSpace: () => state.isShort,
    },
    backups:
      backups === null
        ? null
        : { state: () => Promise.resolve(state.backups ?? Promise.reject(new Error('no state'))) },
    backupFolder: () => state.folder,
    clock,
    monotonicClock: clock,
    clockWatch: { problem: () => state.clockProblem },
    damage: () => state.damage,
    watches: (['open_files', 'unlisted_proxy'] as const).map((kind) => ({
      kind,
      problem: () => state.watched[kind],
    })),
  })
  return { clock, state, check: () => readiness.check() }
}

describe('readiness', () => {
  const failing: BackupState = {
    ...{ since: 0, verified: null, claimedUntil: 0 },
    failure: { time: 1, reason: 'the disk is away' },
  }

  test('warns about a nearly full disk, and failed or missing backups', async () => {
    expect(await createTestReadiness().check()).toEqual(ready)
    const short = createTestReadiness(failing)
    short.state.isShort = true
    expect(await short.check()).toEqual({
      problem: null,
      warnings: [
        { kind: 'low_space', detail: 'writes are refused: the disk is nearly full' },
        { kind: 'failed_backup', detail: 'the last backup failed: the disk is away' },
      ],
    })
    const stale = createTestReadiness({ ...failing, failure: null })
    expect(await stale.check()).toEqual({
      problem: null,
      warnings: [
        { kind: 'stale_backup', detail: 'no verified backup since 1970-01-01T00:00:00.000Z' },
      ],
    })
    const verified = { time: 5 * hour, path: '/backups/a.sqlite', host: 'pi' }
    const old = createTestReadiness({ ...failing, verified, failure: null })
    expect(await old.check()).toEqual({
      problem: null,
      warnings: [
        { kind: 'stale_backup', detail: 'no verified backup since 1970-01-01T05:00:00.000Z' },
      ],
    })
  })

  test('is not given with a damaged database, whatever else is wrong', async () => {
    const { state, check } = createTestReadiness(failing)
    state.damage = '/srv/v.db is damaged: page 7'
    state.isShort = true
    expect(await check()).toEqual({ problem: state.damage, warnings: [] })
  })

  test('warns about a clock that can not be right', async () => {
    const { state, check } = createTestReadiness()
    state.clockProblem = { kind: 'behind', detail: 'the clock of this machine is behind' }
    expect(await check()).toEqual({
      problem: null,
      warnings: [{ kind: 'implausible_clock', detail: 'the clock of this machine is behind' }],
    })
  })

  test('warns about what is watched, such as too many open files', async () => {
    const { state, check } = createTestReadiness()
    state.watched.unlisted_proxy = '10.0.0.2 forwards'
    expect((await check()).warnings).toEqual([
      { kind: 'unlisted_proxy', detail: '10.0.0.2 forwards' },
    ])
    const other = createTestReadiness()
    Object.assign(other.state.watched, { open_files: '81 of 100', unlisted_proxy: 'x' })
    expect((await other.check()).warnings).toEqual([
      { kind: 'open_files', detail: '81 of 100' },
      { kind: 'unlisted_proxy', detail: 'x' },
    ])
  })

  test('warns about the backup folder, and looks there for backups', async () => {
    const verified = { time: 5, path: '/stick/a.sqlite', host: 'pi' }
    const { clock, state, check } = createTestReadiness({ ...failing, failure: null, verified })
    const folder = { problem: null, otherWriters: null, times: [clock() - hour], isLastGone: true }
    state.folder = folder
    expect(await check()).toEqual(ready)
    clock.advance(1_000)
    state.backups = { ...failing, failure: null, verified: { ...verified, time: clock() } }
    state.folder = { ...folder, times: [] }
    expect(await check()).toEqual({
      problem: null,
      warnings: [
        {
          kind: 'stale_backup',
          detail: 'the newest verified backup is gone: /stick/a.sqlite',
        },
      ],
    })
    clock.advance(1_000)
    state.folder = { ...folder, problem: 'the backup folder /backups does not exist' }
    expect(await check()).toEqual({
      problem: null,
      warnings: [{ kind: 'backup_folder', detail: 'the backup folder /backups does not exist' }],
    })
  })

  test('warns about the age of the last backup by the clock of this server', async () => {
    const { clock, state, check } = createTestReadiness(failing)
    state.backups = { ...failing, failure: null, since: clock() - 48 * hour }
    expect(await check()).toEqual(ready)
    clock.advance(1_000)
    expect(await check()).toMatchObject({ warnings: [{ kind: 'stale_backup' }] })
  })

  test('tells the problem of the database with its cause, without warnings, and recovers from it', async () => {
    const { clock, state, check } = createTestReadiness(failing)
    state.isShort = true
    const cause = new Error('connection refused')
    state.error = new DomainError('unavailable', 'the database is away', { cause })
    expect(await check()).toEqual({
      problem: 'the database is away: connection refused',
      warnings: [],
    })
    state.error = null
    clock.advance(1_000)
    expect(await check()).toMatchObject({
      problem: null,
      warnings: [{ kind: 'low_space' }, { kind: 'failed_backup' }],
    })
    state.isShort = false
    state.backups = { ...failing, failure: null, since: clock() }
    clock.advance(1_000)
    expect(await check()).toEqual(ready)
  })

  test('tells at once that a write has failed, whatever it told a moment ago', async () => {
    const { state, check } = createTestReadiness()
    expect(await check()).toEqual(ready)
    state.isFailing = true
    state.error = new DomainError('unavailable', 'the disk is away')
    expect(await check()).toEqual({ problem: 'the disk is away', warnings: [] })
    state.isFailing = false
    state.error = null
    expect(state.checks).toBe(2)
  })

  test('does not hide a bug', async () => {
    const { state, check } = createTestReadiness()
    state.error = new TypeError('undefined is not a function')
    expect(await captureError(check())).toMatchObject({
      message: expect.stringContaining('undefined is not a function'),
    })
  })

  test('asks the database once in a second, however many ask', async () => {
    const { clock, state, check } = createTestReadiness()
    await Promise.all([check(), check(), check()])
    expect(state.checks).toBe(1)
    clock.advance(999)
    await check()
    expect(state.checks).toBe(1)
    clock.advance(1)
    await check()
    expect(state.checks).toBe(2)
  })
})
