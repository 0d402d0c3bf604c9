import { describe, expect, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { install } from '../../src/service/install'
import { findJournal } from '../../src/service/journal'
import { captureError } from '../support/capture-error'
import { createFakeInstallation, nameOf } from '../support/fake-installation'

type FakeInstallation = ReturnType<typeof createFakeInstallation>

/** Installs version 1, starts its service, and has a client write to it. */
async function installFirstVersion(fake: FakeInstallation): Promise<void> {
  await install(fake.request(1))
  fake.write('migration 1')
  fake.write('written to 1')
  fake.lines.length = 0
}

const first = ['migration 1', 'written to 1']
const second = [...first, 'migration 2']

/** Fails unless nothing of an upgrade is left. */
function expectNoLeftovers(fake: FakeInstallation): void {
  expect(existsSync(fake.layout.stagingDir)).toBeFalse()
  const names = readdirSync(fake.layout.dataDir)
  expect(names.filter((name) => name.includes('before-upgrade'))).toEqual([])
}

describe('an upgrade', () => {
  test('backs up, tests the new version while the service is stopped, and starts it', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    await installFirstVersion(fake)
    await install(fake.request(2))
    expect(fake.lines).toEqual([
      `upgrading from ${nameOf(1)} to ${nameOf(2)}`,
      `backup: ${fake.layout.dataDir}/backup-1`,
      'stopped the service',
      `copied the database: ${fake.layout.dataDir}/snailpass-before-upgrade-20261125T000000000Z.db`,
      'testing the new version, where no client can reach it',
      'the new version passed its test',
      'installed the new version',
      'started the service',
      `upgraded to ${nameOf(2)}`,
    ])
    expect(fake.installedVersion()).toBe('2')
    expect(fake.readDatabase()).toEqual(second)
    expect(fake.serviceState()).toBe('active')
    expectNoLeftovers(fake)
  })

  test.each(['sqlite', 'postgres'] as const)(
    'whose smoke test fails is rolled back: %s',
    async (engine) => {
      using fake = createFakeInstallation({ hasService: true })
      using _systemd = fake.withFakeSystemd()
      const request = (version: number) =>
        fake.request(version, { program: fake.program(version, engine) })
      await install(request(1))
      for (const line of first) fake.write(line)
      fake.setFault('trial')
      expect(await captureError(install(request(2)))).toMatchObject({
        code: 'unavailable',
        message: `the upgrade to ${nameOf(2)} failed: the new version is broken\nrestored ${nameOf(1)} and its database; the service is running again`,
        hint: expect.stringContaining(`backup from before: ${fake.layout.dataDir}/backup-1`),
      })
      expect(fake.installedVersion()).toBe('1')
      expect(fake.readDatabase()).toEqual(first)
      expect(fake.serviceState()).toBe('active')
      expectNoLeftovers(fake)
    },
  )

  test('whose rollback fails is rolled back by the next run, of either version', async () => {
    for (const next of [1, 2]) {
      using fake = createFakeInstallation()
      await installFirstVersion(fake)
      const copy = `${fake.layout.dataDir}/snailpass-before-upgrade-x.db`
      writeFileSync(copy, readFileSync(fake.database))
      fake.write('migration 2')
      fake.leaveInterrupted({ phase: 'trying', pending: ['2'], copy })
      fake.setFault('restore')
      expect(await captureError(install(fake.request(2)))).toMatchObject({
        message: 'the disk is full',
      })
      expect(findJournal(fake.layout)?.phase).toBe('reverting')
      fake.setFault(null)
      await install(fake.request(next))
      expect(fake.installedVersion()).toBe(String(next))
      expect(fake.readDatabase()).toEqual(next === 1 ? first : second)
      expectNoLeftovers(fake)
    }
  })

  test('is refused while a server runs that systemd did not start', async () => {
    using fake = createFakeInstallation()
    await installFirstVersion(fake)
    fake.setFault('served')
    expect(await captureError(install(fake.request(2)))).toMatchObject({
      code: 'conflict',
      message: `a running server is using ${fake.database}`,
    })
    expect(fake.installedVersion()).toBe('1')
    expect(fake.readDatabase()).toEqual(first)
    expectNoLeftovers(fake)
  })

  test('to a version that is older than the database is refused before the service is stopped', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    await installFirstVersion(fake)
    await install(fake.request(2))
    const calls = fake.serviceCalls().length
    expect(await captureError(install(fake.request(1)))).toMatchObject({
      message: 'the database belongs to a newer snailpass',
    })
    expect(fake.serviceCalls()).toHaveLength(calls)
    expect(fake.installedVersion()).toBe('2')
  })
})

describe('after its smoke test, an upgrade is never rolled back', () => {
  test.each([
    ['the service fails', 'start'],
    ['the service does not become ready', 'not ready'],
  ] as const)('if %s: the next run completes it', async (_name, fault) => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    await installFirstVersion(fake)
    fake.setFault(fault)
    expect(await captureError(install(fake.request(2)))).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(
        /^the upgrade to 2\.0\.0 .* is not complete: the service does not become ready[\s\S]*\nthe new version passed its test, so it is not rolled back$/,
      ),
      hint: expect.stringContaining('run the installer again: it completes the upgrade'),
    })
    expect(findJournal(fake.layout)?.phase).toBe('proven')
    expect(fake.installedVersion()).toBe('2')
    // The server may have served clients although nobody could tell.
    fake.write('written to 2')
    fake.setFault(null)
    await install(fake.request(2))
    expect(fake.readDatabase()).toEqual([...second, 'written to 2'])
    expect(fake.installedVersion()).toBe('2')
    expect(fake.serviceState()).toBe('active')
    expectNoLeftovers(fake)
  })

  test('if the executable can not be replaced', async () => {
    using fake = createFakeInstallation()
    await installFirstVersion(fake)
    const draft = `${dirname(fake.layout.executable)}/.snailpass.installing`
    const request = fake.request(2, {
      info(line) {
        fake.lines.push(line)
        // Stands in for a full disk: a folder with something in it can't be replaced by the copy.
        if (line !== 'the new version passed its test') return
        mkdirSync(`${draft}/in the way`, { recursive: true })
      },
    })
    expect(await captureError(install(request))).toMatchObject({
      message: expect.stringContaining('so it is not rolled back'),
    })
    expect(findJournal(fake.layout)?.phase).toBe('proven')
    expect(fake.readDatabase()).toEqual(second)
    rmSync(draft, { recursive: true })
    await install(fake.request(2))
    expect(fake.installedVersion()).toBe('2')
    expect(fake.readDatabase()).toEqual(second)
    expectNoLeftovers(fake)
  })

  test('if a bug strikes after it', async () => {
    using fake = createFakeInstallation()
    await installFirstVersion(fake)
    const info = (line: string) => {
      if (line === 'the new version passed its test') throw new TypeError('x is undefined')
    }
    expect(await captureError(install(fake.request(2, { info })))).toBeInstanceOf(TypeError)
    expect(findJournal(fake.layout)?.phase).toBe('proven')
    expect(fake.readDatabase()).toEqual(second)
    await install(fake.request(2))
    expect(fake.installedVersion()).toBe('2')
    expect(fake.readDatabase()).toEqual(second)
  })

  test.each([1, 2, 3])(
    'if the installer is killed: version %d of it completes the upgrade first',
    async (version) => {
      using fake = createFakeInstallation({ hasService: true })
      using _systemd = fake.withFakeSystemd()
      await installFirstVersion(fake)
      for (const line of ['migration 2', 'written to 2']) fake.write(line)
      const copy = `${fake.layout.dataDir}/snailpass-before-upgrade-x.db`
      writeFileSync(copy, `${first.join('\n')}\n`)
      fake.leaveInterrupted({ phase: 'proven', pending: ['2'], copy, wasRunning: true })
      const before = [...second, 'written to 2']
      if (version === 1) {
        expect(await captureError(install(fake.request(1)))).toMatchObject({
          message: 'the database belongs to a newer snailpass',
        })
      } else {
        await install(fake.request(version))
      }
      expect(fake.lines.slice(0, 2)).toEqual([
        `an upgrade from ${nameOf(1)} to ${nameOf(2)} was interrupted`,
        `${nameOf(2)} had passed its test and is installed now`,
      ])
      expect(fake.readDatabase()).toEqual(version === 3 ? [...before, 'migration 3'] : before)
      expect(fake.installedVersion()).toBe(String(Math.max(version, 2)))
      expect(fake.serviceState()).toBe('active')
      expectNoLeftovers(fake)
    },
  )
})

describe('an installer that was killed before the smoke test had passed', () => {
  test.each(['trying', 'reverting'] as const)(
    'in the phase %s is rolled back by the next run',
    async (phase) => {
      using fake = createFakeInstallation({ hasService: true })
      using _systemd = fake.withFakeSystemd()
      await installFirstVersion(fake)
      const copy = `${fake.layout.dataDir}/snailpass-before-upgrade-x.db`
      writeFileSync(copy, readFileSync(fake.database))
      fake.write('migration 2')
      fake.leaveInterrupted({ phase, pending: ['2'], copy, wasRunning: true, unit: 'the old unit' })
      writeFileSync(fake.layout.executable, readFileSync(fake.program(2)))
      chmodSync(fake.layout.executable, 0o755)
      await install(fake.request(1))
      expect(fake.lines).toContain(`restored ${nameOf(1)} and its database`)
      expect(fake.readDatabase()).toEqual(first)
      expect(fake.installedVersion()).toBe('1')
      expect(fake.serviceState()).toBe('active')
      expectNoLeftovers(fake)
    },
  )

  test('before the copy was complete, keeps the database', async () => {
    using fake = createFakeInstallation()
    await installFirstVersion(fake)
    const copy = `${fake.layout.dataDir}/snailpass-before-upgrade-x.db`
    for (const draft of [`${copy}.new`, `${copy}.new-journal`]) writeFileSync(draft, 'a part')
    fake.leaveInterrupted({ phase: 'trying', pending: ['2'], copy })
    await install(fake.request(1))
    expect(fake.readDatabase()).toEqual(first)
    expectNoLeftovers(fake)
  })
})
