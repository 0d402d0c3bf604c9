import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type RunBackup, startBackupSchedule } from '../../../src/app/server/backup-schedule'
import { createCommandRunner } from '../../../src/app/server/child-command'
import { createBackups } from '../../../src/domain/backups'
import { DomainError } from '../../../src/domain/errors'
import { createLog } from '../../../src/log'
import { captureError } from '../../support/capture-error'
import { openSqliteStore, type TestStore, virtualTiming } from '../../support/store'
import { random } from '../../support/timing'
import { until } from '../../support/until'

// Longer than `until` waits, so that its error names what did not come.
setDefaultTimeout(300_000)

/** Starts a schedule over a store, in virtual time: days pass as soon as nothing else is to do. */
function startTestSchedule(store: TestStore, run: RunBackup) {
  const timing = virtualTiming()
  const log: string[] = []
  const backups = createBackups({ store, clock: timing.clock })
  const lines = createLog('json', timing.clock, (line) => log.push(line))
  const schedule = startBackupSchedule({
    backups,
    run,
    schedule: { hour: 2, minute: 0, jitter: 120 },
    runtime: { ...timing, random },
    log: lines,
  })
  const entries = () => log.map((line) => JSON.parse(line))
  const stop = async () => void (await schedule.stop())
  return {
    backups,
    clock: timing.clock,
    entries,
    errors: () => entries().filter(({ level }) => level === 'error'),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

describe('the backup schedule', () => {
  test('creates a backup once a day, and the first one soon after the start', async () => {
    await using store = await openSqliteStore()
    const backupTimes: number[] = []
    await using schedule = startTestSchedule(store, async () => {
      backupTimes.push(schedule.clock())
      const time = schedule.clock()
      await schedule.backups.recordVerified({ time, path: '/a', host: 'pi' })
    })
    const start = schedule.clock()
    await until(() => backupTimes.length === 4, 'the fourth backup', { interval: 1 })
    expect(backupTimes[0]).toBe(start + 30_000)
    const days = backupTimes.map((time) => new Date(time).toDateString())
    expect(new Set(days.slice(1)).size).toBe(3)
    for (const time of backupTimes.slice(1)) expect([2, 3]).toContain(new Date(time).getHours())
    expect(schedule.errors()).toEqual([])
  })

  test('logs every failure and retries after an hour', async () => {
    await using store = await openSqliteStore()
    const attempts: number[] = []
    await using schedule = startTestSchedule(store, async () => {
      attempts.push(schedule.clock())
      throw new DomainError('unavailable', 'the disk is away')
    })
    await until(() => attempts.length === 3, 'the third attempt', { interval: 1 })
    await schedule.stop()
    const failures = schedule.errors().filter(({ message }) => message === 'the backup failed')
    expect(failures.length).toBeGreaterThanOrEqual(2)
    expect(failures[0]).toMatchObject({ reason: 'the disk is away' })
    expect(failures[0].fault).toBeUndefined()
    const [first = 0, second = 0] = attempts
    expect(second - first).toBeGreaterThanOrEqual(3_600_000)
    expect(second - first).toBeLessThan(3_600_000 + 120_000)
    expect((await schedule.backups.state()).failure?.reason).toBe('the disk is away')
  })

  test('logs once a day that no backup was created for two days', async () => {
    await using store = await openSqliteStore()
    const day = 24 * 3_600_000
    await using schedule = startTestSchedule(store, () => Promise.resolve())
    const start = schedule.clock()
    await schedule.backups.recordVerified({ time: start, path: '/a', host: 'pi' })
    const missing = () =>
      schedule.errors().filter(({ message }) => message.startsWith('there is no recent backup'))
    await until(() => missing().length === 3, 'the third log line about a missing backup', {
      interval: 1,
    })
    const times = missing().map(({ time }) => Date.parse(time) - start)
    expect(times[0]).toBeGreaterThan(2 * day)
    expect(times[0]).toBeLessThan(2 * day + 3_600_000)
    for (const [index, time] of times.slice(1).entries()) {
      expect(time - (times[index] ?? 0)).toBeGreaterThanOrEqual(day)
    }
    expect(missing()[0].since).toBe(new Date(start).toISOString())
  })

  test('logs a bug whole and goes on', async () => {
    await using store = await openSqliteStore()
    let attempts = 0
    await using schedule = startTestSchedule(store, () => {
      attempts++
      throw new TypeError('undefined is not a function')
    })
    await until(() => attempts === 3, 'the third attempt', { interval: 1 })
    expect(schedule.errors()[0]).toMatchObject({
      message: 'the backup failed',
      reason: 'undefined is not a function',
      fault: expect.stringContaining('backup-schedule.test.ts'),
    })
  })

  test('warns once while the database is away, and goes on', async () => {
    await using store = await openSqliteStore()
    const database = { failures: 5 }
    const failing: TestStore = {
      ...store,
      write: (work) => {
        if (database.failures === 0) return store.write(work)
        database.failures--
        throw new DomainError('unavailable', 'the database is away')
      },
    }
    let attempts = 0
    await using schedule = startTestSchedule(failing, async () => void attempts++)
    await until(() => attempts === 1, 'the first attempt', { interval: 1 })
    expect(schedule.entries()).toEqual([
      expect.objectContaining({
        level: 'warn',
        message: 'the backup schedule failed',
        reason: 'the database is away',
      }),
    ])
  })

  test('cancels the backup when the server stops, which is no failure', async () => {
    await using store = await openSqliteStore()
    const { promise: started, resolve } = Promise.withResolvers<void>()
    const schedule = startTestSchedule(store, async (signal) => {
      resolve()
      await new Promise((_, reject) => signal.addEventListener('abort', reject))
    })
    await started
    await schedule.stop()
    expect((await schedule.backups.state()).failure).toBeNull()
    expect(schedule.errors()).toEqual([])
  })
})

describe('a backup in a child process', () => {
  const never = new AbortController().signal
  const shell = (script: string) =>
    createCommandRunner(['/bin/sh', '-c', script], { WORD: 'given' })

  test('succeeds when the child does, and has only the environment that it is given', async () => {
    await shell('test "$WORD" = given && test -z "$HOME"')(never)
  })

  test('fails with the errors that the child printed', async () => {
    const failing = shell('echo talk >&2; echo "error: no space" >&2; echo "hint: x" >&2; exit 1')
    expect(await captureError(failing(never))).toMatchObject({
      message: expect.stringContaining('no space'),
    })
    expect(await captureError(shell('exit 7')(never))).toMatchObject({
      message: expect.stringContaining('exit code 7'),
    })
  })

  test('ends when the server stops', async () => {
    const stopping = new AbortController()
    const running = shell('exec sleep 60')(stopping.signal)
    stopping.abort()
    expect(await captureError(running)).toMatchObject({
      message: expect.stringContaining('exit code 143'),
    })
  })
})
