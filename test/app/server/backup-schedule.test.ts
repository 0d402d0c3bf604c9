import { describe, expect, test } from 'bun:test'
import { createBackupRunner } from '../../../src/app/server/backup-process'
import { type RunBackup, startBackupSchedule } from '../../../src/app/server/backup-schedule'
import { createBackups } from '../../../src/domain/backups'
import { createLog } from '../../../src/log'
import { openSqliteStore, type TestStore, virtualTiming } from '../../support/store'
import { random } from '../../support/timing'

/** A server's schedule over a store, with days that pass as quickly as nobody has anything to do. */
function startTestSchedule(store: TestStore, run: RunBackup) {
  const timing = virtualTiming()
  const log: string[] = []
  const backups = createBackups({ store, clock: timing.clock })
  const lines = createLog('json', timing.clock, (line) => log.push(line))
  const schedule = startBackupSchedule(
    backups,
    (signal) => run(signal),
    { hour: 2, minute: 0, jitter: 120 },
    { ...timing, random },
    lines,
  )
  return {
    backups,
    clock: timing.clock,
    errors: () => log.map((line) => JSON.parse(line)).filter(({ level }) => level === 'error'),
    stop: schedule.stop,
    [Symbol.asyncDispose]: schedule.stop,
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(1)
}

describe('the schedule', () => {
  test('makes an archive once a day, and the first one soon after a start', async () => {
    await using store = await openSqliteStore()
    const backupTimes: number[] = []
    await using schedule = startTestSchedule(store, async () => {
      backupTimes.push(schedule.clock())
      const time = schedule.clock()
      await schedule.backups.recordVerified({ time, path: '/a', host: 'pi' })
    })
    const start = schedule.clock()
    await until(() => backupTimes.length === 4)
    expect(backupTimes[0]).toBe(start + 30_000)
    const days = backupTimes.map((time) => new Date(time).toDateString())
    expect(new Set(days.slice(1)).size).toBe(3)
    for (const time of backupTimes.slice(1)) expect([2, 3]).toContain(new Date(time).getHours())
    expect(schedule.errors()).toEqual([])
  })

  test('tells of every failure, tries again after an hour, and tells when none was made for long', async () => {
    await using store = await openSqliteStore()
    const tries: number[] = []
    await using schedule = startTestSchedule(store, async () => {
      tries.push(schedule.clock())
      throw new Error('the disk is away')
    })
    await until(() => tries.length === 3)
    await schedule.stop()
    const failures = schedule
      .errors()
      .filter(({ message }) => message === 'no archive could be made')
    expect(failures.length).toBeGreaterThanOrEqual(2)
    expect(failures[0]).toMatchObject({ reason: 'the disk is away' })
    const [first = 0, second = 0] = tries
    expect(second - first).toBeGreaterThanOrEqual(3_600_000)
    expect(second - first).toBeLessThan(3_600_000 + 120_000)
    expect((await schedule.backups.state()).failure?.reason).toBe('the disk is away')
  })

  test('breaks a try off when the server ends, which is no failure', async () => {
    await using store = await openSqliteStore()
    const { promise: begun, resolve } = Promise.withResolvers<void>()
    const schedule = startTestSchedule(store, async (signal) => {
      resolve()
      await new Promise((_, reject) => signal.addEventListener('abort', reject))
    })
    await begun
    await schedule.stop()
    expect((await schedule.backups.state()).failure).toBeNull()
    expect(schedule.errors()).toEqual([])
  })
})

describe('a backup in a process of its own', () => {
  const never = new AbortController().signal
  const shell = (script: string) => createBackupRunner(['/bin/sh', '-c', script], { WORD: 'told' })

  test('is done when that ends well, and goes by the environment that it is given', async () => {
    await shell('test "$WORD" = told && test -z "$HOME"')(never)
  })

  test('fails with what that said was wrong', async () => {
    const failing = shell('echo talk >&2; echo "error: no space" >&2; echo "hint: x" >&2; exit 1')
    await expect(failing(never)).rejects.toThrow('no space')
    await expect(shell('exit 7')(never)).rejects.toThrow('it ended with 7')
  })

  test('ends when the server does', async () => {
    const stopping = new AbortController()
    const running = shell('exec sleep 60')(stopping.signal)
    stopping.abort()
    await expect(running).rejects.toThrow()
  })
})
