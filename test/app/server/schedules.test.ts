import { describe, expect, test } from 'bun:test'
import { pruneAuditRows, startAuditWriter } from '../../../src/app/server/audit-writer'
import { startBackupSchedule } from '../../../src/app/server/backup-schedule'
import { loadConfig } from '../../../src/config/load'
import type { BackupState } from '../../../src/domain/backup-state'
import type { Backups } from '../../../src/domain/backups'
import { DomainError } from '../../../src/domain/errors'
import type { AgeLimit } from '../../../src/domain/known-time'
import { createLoginEventBuffer } from '../../../src/domain/login-events'
import type { Store } from '../../../src/domain/store'
import { createLog } from '../../../src/log'
import { manualTiming, watchOf } from '../../support/timing'

const day = 24 * 3_600_000

/** Time that passes by `advance`, on a clock that the test also sets: forward, for days that pass at once, and back. */
function createTiming() {
  const timing = manualTiming()
  let offset = 0
  const start = timing.clock()
  return {
    clock: () => timing.clock() + offset,
    monotonicClock: timing.clock,
    wait: timing.wait,
    advance: timing.advance,
    /** Milliseconds that have passed, whatever the clock says. */
    elapsed: () => timing.clock() - start,
    setClock(milliseconds: number) {
      offset += milliseconds
    },
  }
}

function startTestSchedule(options: {
  claims?: boolean[]
  state?: Partial<BackupState>
  run?: (signal: AbortSignal) => Promise<void>
}) {
  const timing = createTiming()
  const calls: { claimed: number; since: number }[] = []
  const failures: string[] = []
  const lines: Record<string, unknown>[] = []
  const backups: Backups = {
    async state() {
      const initial = { since: timing.clock(), verified: null, failure: null, claimedUntil: 0 }
      return { ...initial, ...options.state }
    },
    async claim(since) {
      calls.push({ claimed: timing.elapsed(), since })
      return options.claims?.shift() ?? false
    },
    recordVerified: () => Promise.resolve(),
    recordFailure: async (reason) => void failures.push(reason),
  }
  const loop = startBackupSchedule({
    backups,
    run: options.run ?? (() => Promise.resolve()),
    schedule: { hour: 2, minute: 30, jitter: 60 },
    // Half of the jitter: the backup is due at 3:00.
    runtime: { ...timing, random: (count) => new Uint8Array(count).fill(128) },
    log: createLog('json', timing.clock, (line) => lines.push(JSON.parse(line))),
  })
  return {
    timing,
    calls,
    failures,
    lines,
    loop,
    [Symbol.asyncDispose]: () => loop.stop().then(() => {}),
  }
}

describe('the backup schedule', () => {
  test('looks for a due backup half a minute after the start and then every minute', async () => {
    await using schedule = startTestSchedule({})
    const due = new Date(schedule.timing.clock())
    due.setHours(2, 30, 0, 0)
    await schedule.timing.advance(150_000)
    expect(schedule.calls).toEqual([
      { claimed: 30_000, since: due.getTime() },
      { claimed: 90_000, since: due.getTime() },
      { claimed: 150_000, since: due.getTime() },
    ])
    expect(schedule.lines).toEqual([])
  })

  test('creates only backups that it has claimed', async () => {
    const runs: number[] = []
    await using schedule = startTestSchedule({
      claims: [false, true, false],
      run: async () => void runs.push(schedule.timing.elapsed()),
    })
    await schedule.timing.advance(200_000)
    expect({ runs, failures: schedule.failures, lines: schedule.lines }).toEqual({
      ...{ runs: [90_000], failures: [], lines: [] },
    })
  })

  test('records why a backup failed, and logs it whole only if it is a bug', async () => {
    const errors = [
      new DomainError('unavailable', 'the disk is away', { hint: 'mount it' }),
      new TypeError('undefined is not a function'),
    ]
    await using schedule = startTestSchedule({
      claims: [true, true],
      run: () => Promise.reject(errors.shift()),
    })
    await schedule.timing.advance(90_000)
    const line = { time: expect.any(String), level: 'error', message: 'the backup failed' }
    expect(schedule.lines).toEqual([
      { ...line, reason: 'the disk is away' },
      {
        ...{ ...line, reason: 'undefined is not a function' },
        fault: expect.stringContaining('TypeError'),
      },
    ])
    expect(schedule.failures).toEqual(['the disk is away', 'undefined is not a function'])
  })

  test('logs missing backups once a day, from when they are missing, whatever the clock is set to', async () => {
    const state: { -readonly [Name in keyof BackupState]?: BackupState[Name] } = {}
    await using schedule = startTestSchedule({ state })
    const { timing, lines } = schedule
    const start = timing.clock()
    state.since = start - 2 * day
    await timing.advance(30_000)
    const since = new Date(state.since).toISOString()
    const line = { level: 'error', message: 'there is no recent backup: see `snailpass doctor`' }
    const logged = () => lines.map(({ time: _, ...rest }) => rest)
    expect(logged()).toEqual([{ ...line, since }])
    for (const jump of [3, 3650, -3653, 1]) {
      timing.setClock(jump * day)
      const verified = { time: timing.clock() - 3 * day, path: '/a', host: 'pi' }
      Object.assign(state, { since: 0, verified })
      await timing.advance(60_000)
      expect(logged()).toHaveLength(1)
    }
    await timing.advance(day - 5 * 60_000)
    expect(logged()).toHaveLength(1)
    await timing.advance(60_000)
    expect(logged().slice(1)).toMatchObject([line])
  })
})

/** Starts an audit writer over a store that only counts what the writer asks for. */
async function startTestWriter(auditDays: string) {
  const timing = createTiming()
  const lines: string[] = []
  const prunings: unknown[] = []
  const settings = loadConfig({
    environment: { SNAILPASS_AUDIT_DAYS: auditDays },
    flags: { dataDir: '/srv/snailpass' },
    file: null,
  }).settings
  const answers: (Error | { pruned: number; isDone: boolean })[] = []
  const audit = {
    findNewest: async () => '7:abc',
    getRowStatus: async () => 'found',
    async prune({ now, before }: AgeLimit, maxRows: number) {
      prunings.push({ now, before, maxRows })
      const answer = answers.shift() ?? { pruned: 0, isDone: true }
      if (answer instanceof Error) throw answer
      return answer
    },
  }
  const run = (work: (tx: never) => Promise<never>) => work({ audit } as never)
  const store = { read: run, write: run } as unknown as Store
  const runtime = { ...timing, random: (count: number) => new Uint8Array(count) }
  const log = createLog('text', timing.clock, (line) => lines.push(line.slice(25)))
  const loginEvents = createLoginEventBuffer(timing)
  const writer = await startAuditWriter({
    ...{ store, loginEvents, settings, runtime, log },
    clockWatch: watchOf(timing.clock, timing.monotonicClock),
  })
  const boundsAt = (now: number) => ({ before: now - 30 * day, now, maxRows: 2_000 })
  return { timing, lines, prunings, answers, writer, boundsAt, store, settings }
}

const head = 'info  audit log head newest=7:abc'

describe('the audit writer', () => {
  test('logs the newest row at its start, every day and at its stop, whatever the clock is set to', async () => {
    const { timing, lines, writer } = await startTestWriter('0')
    expect(lines).toEqual([head])
    for (const jump of [3, 3650, -3653]) {
      timing.setClock(jump * day)
      await timing.advance(5_000)
      expect(lines).toEqual([head])
    }
    await timing.advance(day - 20_000)
    expect(lines).toEqual([head])
    await timing.advance(5_000)
    expect(lines).toEqual([head, head])
    expect(await writer.stop(1_000)).toBeTrue()
    expect(lines).toEqual([head, head, head])
  })

  test('prunes every day what is older than the settings allow, and says how much that was', async () => {
    const { timing, lines, prunings, answers, writer, boundsAt } = await startTestWriter('30')
    const start = timing.clock()
    answers.push({ pruned: 2_000, isDone: false }, { pruned: 1, isDone: true })
    await timing.advance(0)
    expect(prunings).toEqual([boundsAt(start), boundsAt(start)])
    await timing.advance(day)
    expect(prunings.slice(2)).toEqual([boundsAt(start + day)])
    expect(lines).toEqual([head, 'info  pruned 2001 rows of the audit log', head])
    await writer.stop(1_000)
  })

  test.each([3, 40, 3_653])(
    'does not prune while the clock is %d days ahead, and at once when it is right',
    async (days) => {
      const { timing, prunings, writer, boundsAt } = await startTestWriter('30')
      await timing.advance(day / 2)
      expect(prunings).toHaveLength(1)
      timing.setClock(days * day)
      await timing.advance(0.6 * day)
      expect(prunings).toHaveLength(1)
      timing.setClock(-days * day)
      await timing.advance(5_000)
      expect(prunings.slice(1)).toEqual([boundsAt(timing.clock())])
      await writer.stop(1_000)
    },
  )

  test('logs that it can not prune what was tampered with once a day, and retries anything else', async () => {
    const { timing, lines, prunings, answers, writer } = await startTestWriter('30')
    answers.push(
      new DomainError('unavailable', 'the database is away'),
      new DomainError('conflict', "can't prune the audit log: row 2 is missing"),
    )
    await timing.advance(0)
    expect(lines.slice(1)).toEqual([
      'warn  writing the audit log failed reason="the database is away"',
    ])
    expect(writer.isIntact()).toBeTrue()
    await timing.advance(5_000)
    expect(lines.slice(2)).toEqual(["error can't prune the audit log: row 2 is missing"])
    expect(writer.isIntact()).toBeFalse()
    await timing.advance(60_000)
    expect(prunings).toHaveLength(2)
    await writer.stop(1_000)
  })

  test('never prunes if the settings keep everything', async () => {
    const { timing, prunings, writer, store, settings } = await startTestWriter('0')
    timing.setClock(3 * day)
    await timing.advance(5_000)
    expect(prunings).toEqual([])
    expect(await pruneAuditRows(store, settings, watchOf(timing.clock))).toBe(0)
    await writer.stop(1_000)
  })
})
