import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { install } from '../../src/service/install'
import { findJournal } from '../../src/service/journal'
import { captureError } from '../support/capture-error'
import { createFakeInstallation, nameOf } from '../support/fake-installation'

type Engine = 'sqlite' | 'postgres'

/** An installation of version 1 whose service runs, and to which a client has written. */
async function createInstalled(engine: Engine = 'sqlite', { hasService = true } = {}) {
  const fake = createFakeInstallation({ hasService })
  const systemd = fake.withFakeSystemd()
  const upgradeTo = (version: number, change: Parameters<typeof fake.request>[1] = {}) =>
    install(fake.request(version, { program: fake.program(version, engine), ...change }))
  await upgradeTo(1)
  for (const line of first) fake.write(line)
  const before = fake.calls().length
  fake.lines.length = 0
  return {
    ...fake,
    upgradeTo,
    /** What was run since the installation of version 1. */
    newCalls: () => fake.calls().slice(before),
    [Symbol.dispose]() {
      systemd[Symbol.dispose]()
      fake[Symbol.dispose]()
    },
  }
}

const first = ['migration 1', 'written to 1']
const second = [...first, 'migration 2']

const copyName = 'snailpass-before-upgrade-20261125T000000000Z'
const leftovers = (fake: { layout: { dataDir: string } }) =>
  readdirSync(fake.layout.dataDir).filter((name) => name.includes('-upgrade-'))

/** The calls that ask whether the service runs, which may come more often. */
const withoutShow = (calls: readonly string[]) => calls.filter((call) => call !== 'systemctl show')

const restart = ['systemctl daemon-reload', 'systemctl reset-failed', 'systemctl start']

describe('an upgrade does its steps in their order', () => {
  test('on SQLite', async () => {
    using fake = await createInstalled('sqlite')
    await fake.upgradeTo(2)
    expect(withoutShow(fake.newCalls())).toEqual([
      '2 outlook',
      '1 --version',
      '1 backup',
      'systemctl stop',
      '2 copy',
      '2 trial',
      ...restart,
      'systemctl enable',
    ])
    expect(leftovers(fake)).toEqual([])
  })

  test('on Postgres, where the old version writes the copy', async () => {
    using fake = await createInstalled('postgres')
    await fake.upgradeTo(2)
    expect(withoutShow(fake.newCalls())).toEqual([
      '2 outlook',
      '1 --version',
      '1 backup',
      'systemctl stop',
      '1 backup',
      '2 trial',
      ...restart,
      'systemctl enable',
    ])
    expect(fake.lines).toContain(`copied the database: ${fake.layout.dataDir}/${copyName}.sqlite`)
    expect(leftovers(fake)).toEqual([])
  })

  test('without a service, and without a database', async () => {
    using fake = createFakeInstallation()
    await install(fake.request(1))
    fake.lines.length = 0
    await install(fake.request(2))
    expect(fake.calls().slice(1)).toEqual(['2 outlook', '1 --version', '2 trial'])
    expect(fake.lines).toEqual([
      `upgrading from ${nameOf(1)} to ${nameOf(2)}`,
      'testing the new version, where no client can reach it',
      'the new version passed its test',
      `upgraded to ${nameOf(2)}`,
    ])
    expect(fake.installedVersion()).toBe('2')
  })

  test('and has the journal say how far it is, before each step', async () => {
    using fake = await createInstalled('sqlite')
    const journals: Record<string, unknown> = {}
    await fake.upgradeTo(2, {
      info(line) {
        journals[line] = findJournal(fake.layout)
      },
    })
    const journal = {
      oldVersion: nameOf(1),
      newVersion: nameOf(2),
      backup: `${fake.layout.dataDir}/backup-1`,
      pending: ['2'],
      engine: 'sqlite',
      copy: `${fake.layout.dataDir}/${copyName}.db`,
      isCleared: false,
      wasRunning: true,
      unit: expect.stringContaining('[Service]'),
    }
    const trying = { phase: 'trying', ...journal }
    const proven = { phase: 'proven', ...journal }
    expect(journals).toEqual({
      [`upgrading from ${nameOf(1)} to ${nameOf(2)}`]: null,
      [`backup: ${fake.layout.dataDir}/backup-1`]: null,
      'stopped the service': trying,
      [`copied the database: ${fake.layout.dataDir}/${copyName}.db`]: trying,
      'testing the new version, where no client can reach it': trying,
      'the new version passed its test': proven,
      'installed the new version': proven,
      'started the service': proven,
      [`upgraded to ${nameOf(2)}`]: null,
    })
  })

  test('and waits for the smoke test as long as for the service', async () => {
    using fake = await createInstalled('sqlite')
    const path = fake.program(2)
    const slow = readFileSync(path, 'utf8').replace('  trial)', '  trial) exec sleep 1000;;\n  x)')
    writeFileSync(path, slow)
    const upgrading = install(fake.request(2, { program: path, readyTimeout: 300 }))
    // The script may be written again by `request`.
    writeFileSync(path, slow)
    expect(await captureError(upgrading)).toMatchObject({
      message: expect.stringContaining('snailpass service step trial timed out'),
    })
    expect(fake.installedVersion()).toBe('1')
    expect(fake.readDatabase()).toEqual(first)
  })
})

describe('a step that fails before anything was stopped ends the upgrade, and leaves everything as it was', () => {
  test.each([
    ['2 outlook', ['2 outlook']],
    ['1 backup', ['2 outlook', '1 --version', '1 backup']],
  ] as const)('%s', async (step, calls) => {
    for (const engine of ['sqlite', 'postgres'] as const) {
      using fake = await createInstalled(engine)
      fake.setFault(`call ${step}`)
      expect(await captureError(fake.upgradeTo(2))).toMatchObject({
        code: 'unavailable',
        message: 'the step failed',
        hint: 'fix the step',
      })
      expect(fake.newCalls()).toEqual([...calls])
      expect(fake.serviceState()).toBe('active')
      expect(fake.installedVersion()).toBe('1')
      expect(fake.readDatabase()).toEqual(first)
      expect(existsSync(fake.layout.stagingDir)).toBeFalse()
      fake.setFault(null)
      await fake.upgradeTo(2)
      expect(fake.readDatabase()).toEqual(second)
    }
  })

  test('an installed executable that does not run', async () => {
    for (const script of ['exit 1', 'echo other 1.0', 'echo "snailpass 1.0.0 (a, b)"; exit 1']) {
      using fake = await createInstalled()
      writeFileSync(fake.layout.executable, `#!/bin/sh\n${script}\n`)
      expect(await captureError(fake.upgradeTo(2))).toMatchObject({
        code: 'unavailable',
        message: `${fake.layout.executable} does not run, so it can't make a backup`,
        hint: `copy the database by hand, remove ${fake.layout.executable}, and run this again`,
      })
      expect(fake.newCalls()).toEqual(['2 outlook'])
      expect(fake.readDatabase()).toEqual(first)
      expect(existsSync(fake.layout.stagingDir)).toBeFalse()
    }
  })
})

describe('a step that fails before the smoke test has passed leads to a rollback', () => {
  test.each<[Engine, string, string, readonly string[]]>([
    ['sqlite', '2 copy', 'the step failed', []],
    ['sqlite', '2 trial', 'the step failed', []],
    ['postgres', '2 trial', 'the step failed', []],
    ['sqlite', 'trial', 'the new version is broken', ['2 outlook', '2 put-back']],
    ['postgres', 'trial', 'the new version is broken', ['2 clear', '1 restore']],
  ])('%s: %s', async (engine, step, problem, restoring) => {
    using fake = await createInstalled(engine)
    fake.setFault(step === 'trial' ? step : `call ${step}`)
    const error = await captureError(fake.upgradeTo(2))
    const hints = [
      step === 'trial' ? 'report it' : 'fix the step',
      `backup from before: ${fake.layout.dataDir}/backup-1`,
      ...(engine === 'sqlite' && step === 'trial'
        ? [
            `the database as the new version left it: ${fake.layout.dataDir}/snailpass-after-upgrade-20261125T000000000Z.db`,
          ]
        : []),
    ]
    expect(error).toMatchObject({
      code: 'unavailable',
      message: `the upgrade to ${nameOf(2)} failed: ${problem}\nrestored ${nameOf(1)} and its database; the service is running again`,
      hint: hints.join('\n'),
    })
    expect(fake.lines).toContain(`the upgrade failed; rolling back to ${nameOf(1)}`)
    const calls = fake.newCalls()
    for (const call of restoring) expect(calls).toContain(call)
    expect(calls.includes('2 put-back') || calls.includes('2 clear')).toBe(restoring.length > 0)
    // The service is stopped before the database is touched, and started after everything.
    expect(withoutShow(calls).slice(-3)).toEqual(restart)
    expect(fake.serviceState()).toBe('active')
    expect(fake.installedVersion()).toBe('1')
    expect(fake.readDatabase()).toEqual(first)
    expect(existsSync(fake.layout.stagingDir)).toBeFalse()
    expect(leftovers(fake).filter((name) => name.includes('before'))).toEqual([])
    fake.setFault(null)
    await fake.upgradeTo(2)
    expect(fake.installedVersion()).toBe('2')
    expect(fake.readDatabase()).toEqual(second)
  })

  test('without starting a service that was stopped', async () => {
    using fake = await createInstalled()
    writeFileSync(`${fake.folder}/state`, 'inactive')
    fake.setFault('trial')
    expect(await captureError(fake.upgradeTo(2))).toMatchObject({
      message: `the upgrade to ${nameOf(2)} failed: the new version is broken\nrestored ${nameOf(1)} and its database`,
    })
    expect(fake.serviceState()).toBe('inactive')
    expect(fake.newCalls()).not.toContain('systemctl start')
  })

  test('which restores the unit of the old version', async () => {
    using fake = await createInstalled()
    const unit = fake.layout.unit ?? ''
    writeFileSync(unit, 'of version 1')
    fake.setFault('trial')
    await captureError(fake.upgradeTo(2))
    expect(readFileSync(unit, 'utf8')).toBe('of version 1')
    fake.setFault(null)
    await fake.upgradeTo(2)
    expect(readFileSync(unit, 'utf8')).toContain('[Service]')
  })

  test('and a bug is reported as what it is', async () => {
    using fake = await createInstalled()
    const bug = new TypeError('x is undefined')
    const info = (line: string) => {
      if (line === 'stopped the service') throw bug
    }
    expect(await captureError(fake.upgradeTo(2, { info }))).toBe(bug)
    expect(fake.installedVersion()).toBe('1')
    expect(fake.serviceState()).toBe('active')
    expect(existsSync(fake.layout.stagingDir)).toBeFalse()
  })
})

describe('a rollback that fails as well is continued by the next run', () => {
  test.each<[Engine, string, string]>([
    ['sqlite', 'systemctl stop', 'systemctl stop snailpass failed (5)'],
    ['sqlite', '2 put-back', 'the step failed'],
    ['postgres', '2 clear', 'the step failed'],
    ['postgres', '1 restore', 'the step failed'],
  ])('%s: %s', async (engine, step, problem) => {
    using fake = await createInstalled(engine)
    // The smoke test breaks the database; then the step of the rollback fails.
    fake.setFault(step === 'systemctl stop' ? 'call systemctl stop' : 'trial')
    const failure = step === 'systemctl stop' ? problem : 'the new version is broken'
    const upgrading = fake.upgradeTo(2, {
      info(line) {
        fake.lines.push(line)
        if (line.startsWith('the upgrade failed')) fake.setFault(`call ${step}`)
      },
    })
    expect(await captureError(upgrading)).toMatchObject({
      code: 'unavailable',
      message: `the upgrade to ${nameOf(2)} failed: ${failure}\nand the rollback failed: ${problem}`,
      hint: expect.stringMatching(
        /\/backup-1\nfix this and run the installer again: it continues the rollback$/,
      ),
    })
    expect(findJournal(fake.layout)).toMatchObject({
      phase: 'reverting',
      isCleared: engine === 'postgres',
      wasRunning: true,
    })
    fake.setFault(null)
    await fake.upgradeTo(1)
    expect(fake.lines).toContain(`restored ${nameOf(1)} and its database`)
    expect(fake.installedVersion()).toBe('1')
    expect(fake.readDatabase()).toEqual(first)
    expect(fake.serviceState()).toBe('active')
    expect(existsSync(fake.layout.stagingDir)).toBeFalse()
  })
})

describe('a step that fails after the smoke test leaves the new version, which the next run completes', () => {
  test.each([
    ['daemon-reload', 'systemctl daemon-reload failed (5)', 'the new version passed its test'],
    ['start', 'systemctl start --no-block snailpass failed (5)', 'installed the new version'],
    [
      'show',
      'systemctl show snailpass --property=ActiveState,ActiveEnterTimestamp,NRestarts,Job,StatusText failed (5)',
      'installed the new version',
    ],
  ])('systemctl %s', async (command, problem, lastLine) => {
    using fake = await createInstalled()
    let said = ''
    const upgrading = fake.upgradeTo(2, {
      info(line) {
        said = line
        if (line === 'the new version passed its test') fake.setFault(`call systemctl ${command}`)
      },
    })
    expect(await captureError(upgrading)).toMatchObject({
      code: 'unavailable',
      message: `the upgrade to ${nameOf(2)} is not complete: ${problem}\nthe new version passed its test, so it is not rolled back`,
      hint: [
        'fix what its output above says, and run this again',
        'fix this and run the installer again: it completes the upgrade',
        `backup from before: ${fake.layout.dataDir}/backup-1`,
        `the database from before the migration: ${fake.layout.dataDir}/${copyName}.db`,
      ].join('\n'),
    })
    // What is said is done.
    expect(said).toBe(lastLine)
    expect(findJournal(fake.layout)?.phase).toBe('proven')
    expect(fake.installedVersion()).toBe('2')
    fake.setFault(null)
    await fake.upgradeTo(2)
    expect(fake.readDatabase()).toEqual(second)
    expect(fake.serviceState()).toBe('active')
    expect(leftovers(fake)).toEqual([])
    expect(existsSync(fake.layout.stagingDir)).toBeFalse()
  })

  test('a port that another program has taken meanwhile', async () => {
    using fake = await createInstalled()
    const listener = createServer()
    const upgrading = fake.upgradeTo(2, {
      info(line) {
        if (line === 'stopped the service') listener.listen(fake.port, '127.0.0.1')
      },
    })
    try {
      expect(await captureError(upgrading)).toMatchObject({
        code: 'unavailable',
        message: expect.stringMatching(
          /^the upgrade to .* is not complete: can't listen on 127\.0\.0\.1:\d+: port \d+ is already in use/,
        ),
      })
    } finally {
      listener.close()
    }
    expect(fake.newCalls()).not.toContain('systemctl start')
    expect(findJournal(fake.layout)?.phase).toBe('proven')
  })
})

describe('an interrupted upgrade', () => {
  test('puts the old executable back if somebody has replaced it', async () => {
    using fake = await createInstalled()
    fake.leaveInterrupted({ phase: 'trying' })
    writeFileSync(fake.layout.executable, readFileSync(fake.program(3)))
    await install(fake.request(1))
    expect(fake.installedVersion()).toBe('1')
    expect(fake.lines).toContain('restored the old executable')
  })

  test('waits up to ten seconds for the smoke test of a killed installer to end', async () => {
    using fake = createFakeInstallation()
    await install(fake.request(1))
    for (const line of first) fake.write(line)
    const copy = `${fake.layout.dataDir}/snailpass-before-upgrade-x.db`
    writeFileSync(copy, readFileSync(fake.database))
    fake.write('migration 2')
    fake.leaveInterrupted({ phase: 'trying', pending: ['2'], copy })
    fake.setFault('served')
    const waits: number[] = []
    const wait = async (milliseconds: number) => {
      waits.push(milliseconds)
      if (waits.length === 3) fake.setFault(null)
    }
    await install(fake.request(1, { wait }))
    expect(waits).toEqual([100, 100, 100])
    expect(fake.readDatabase()).toEqual(first)
    // The database as the new version left it is kept.
    expect(leftovers(fake)).toEqual(['snailpass-after-upgrade-x.db'])
  })

  test('that had passed its test is completed, even if its copy was removed already', async () => {
    using fake = await createInstalled()
    fake.write('migration 2')
    const copy = `${fake.layout.dataDir}/snailpass-before-upgrade-x.db`
    fake.leaveInterrupted({ phase: 'proven', pending: ['2'], copy })
    await fake.upgradeTo(2)
    expect(fake.installedVersion()).toBe('2')
    expect(fake.readDatabase()).toEqual(second)
    expect(existsSync(fake.layout.stagingDir)).toBeFalse()
  })

  test.each(['proven', 'reverting'] as const)(
    'in the phase %s whose service does not start again is reported',
    async (phase) => {
      using fake = await createInstalled()
      fake.leaveInterrupted({ phase, wasRunning: true })
      fake.setFault('call systemctl start')
      expect(await captureError(fake.upgradeTo(2))).toMatchObject({
        code: 'unavailable',
        message: 'systemctl start --no-block snailpass failed (5)',
      })
      expect(fake.installedVersion()).toBe(phase === 'proven' ? '2' : '1')
      // Nothing is rolled back by a later run.
      expect(findJournal(fake.layout)).toBeNull()
    },
  )

  test('that had changed nothing keeps the database and removes the copy', async () => {
    for (const engine of ['sqlite', 'postgres'] as const) {
      using fake = await createInstalled(engine)
      const copy = `${fake.layout.dataDir}/snailpass-before-upgrade-x.db`
      writeFileSync(copy, 'something else')
      fake.leaveInterrupted({ phase: 'reverting', pending: ['2'], copy, engine, wasRunning: false })
      // `leaveInterrupted` has executables for SQLite, which find the same database.
      await fake.upgradeTo(1)
      expect(fake.readDatabase()).toEqual(first)
      expect(leftovers(fake)).toEqual([])
    }
  })
})
