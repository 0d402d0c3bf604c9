import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { install } from '../../src/service/install'
import { uninstall } from '../../src/service/uninstall'
import { captureError } from '../support/capture-error'
import { createFakeInstallation, nameOf } from '../support/fake-installation'

describe('install', () => {
  test('creates the executable, the settings file and the data folder', async () => {
    using fake = createFakeInstallation()
    const preflight = await install(fake.request(1))
    expect(preflight.content).toBe('nothing')
    expect(fake.installedVersion()).toBe('1')
    expect(statSync(fake.layout.executable).mode & 0o777).toBe(0o755)
    expect(statSync(fake.layout.dataDir).mode & 0o777).toBe(0o700)
    expect(statSync(fake.layout.settingsFile).mode & 0o777).toBe(0o600)
    expect(readFileSync(fake.layout.settingsFile, 'utf8')).toContain(
      `\nSNAILPASS_DATA_DIR=${fake.layout.dataDir}\n`,
    )
    expect(existsSync(fake.layout.stagingDir)).toBeFalse()
    expect(fake.lines).toEqual([
      `wrote ${fake.layout.settingsFile}`,
      `installed ${fake.layout.executable}, ${nameOf(1)}`,
    ])
  })

  test('changes nothing if the same version is already installed', async () => {
    using fake = createFakeInstallation()
    await install(fake.request(1))
    writeFileSync(fake.layout.settingsFile, 'SNAILPASS_LISTEN=127.0.0.1:5999\n')
    fake.lines.length = 0
    await install(fake.request(1))
    expect(fake.lines).toEqual([`${nameOf(1)} is already installed`])
    expect(readFileSync(fake.layout.settingsFile, 'utf8')).toBe('SNAILPASS_LISTEN=127.0.0.1:5999\n')
  })

  test('starts the service, and restarts it only when its unit has changed or it is not ready', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    const { unit } = fake.layout
    await install(fake.request(1))
    expect(fake.serviceState()).toBe('active')
    expect(fake.lines.slice(-2)).toEqual([`wrote ${unit}`, 'started the service'])
    expect(fake.asked).toEqual([fake.port])

    const starts = () => fake.serviceCalls().filter((call) => call === 'start').length
    await install(fake.request(1))
    expect(starts()).toBe(1)
    writeFileSync(unit ?? '', 'something else')
    await install(fake.request(1))
    expect(starts()).toBe(2)
    let answers = 0
    const once = async () => (answers++ === 0 ? 'status 503' : null)
    await install(fake.request(1, { checkReadiness: once }))
    expect(starts()).toBe(3)
  })

  test('stops a service that waits for its next attempt, instead of waiting with it', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    await install(fake.request(1))
    fake.setServiceState('activating')
    const before = fake.serviceCalls().length
    await install(fake.request(1))
    expect(fake.serviceCalls().slice(before)).toEqual([
      ...['enable', 'show', 'stop', 'reset-failed', 'start', 'show'],
    ])
    expect(fake.serviceState()).toBe('active')
  })

  test('refuses a service whose database another server uses', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    fake.setFault('served')
    expect(await captureError(install(fake.request(1)))).toMatchObject({
      code: 'conflict',
      message: `a running server is using ${fake.database}`,
      hint: 'stop it, and run this again: the service takes its place',
    })
    expect(fake.installedVersion()).toBeNull()
    // The service itself may use it.
    fake.setServiceState('active')
    await install(fake.request(1))
  })

  test('refuses a service whose port another program uses, before anything is installed', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    const listener = createServer()
    await new Promise<void>((resolve) => listener.listen(fake.port, '127.0.0.1', resolve))
    try {
      expect(await captureError(install(fake.request(1)))).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(`can't listen on 127.0.0.1:${fake.port}`),
        hint: expect.stringContaining('SNAILPASS_LISTEN'),
      })
    } finally {
      listener.close()
    }
    expect(fake.installedVersion()).toBeNull()
    expect(fake.serviceCalls()).toEqual([])
    expect(existsSync(fake.layout.stagingDir)).toBeFalse()
  })

  test.each([
    ['start', 'the service does not become ready\n  last line of the log'],
    ['not ready', 'the service does not become ready: status 503\n  last line of the log'],
  ] as const)('says why a service does not become ready: %s', async (fault, message) => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    fake.setFault(fault)
    expect(await captureError(install(fake.request(1)))).toMatchObject({
      code: 'unavailable',
      message,
      hint: expect.stringContaining('journalctl'),
    })
  })

  test('reports what the file system refuses with a hint', async () => {
    using fake = createFakeInstallation()
    writeFileSync(fake.layout.executable.replace(/\/prefix\/.*/, '/prefix'), 'in the way')
    expect(await captureError(install(fake.request(1)))).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^not installed: E/),
      hint: expect.stringContaining('--prefix'),
    })
  })
})

describe('uninstall', () => {
  const options = (purge: boolean) => ({ purge, info: () => {} })

  test('removes the executable and the service, and leaves data and settings', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    await install(fake.request(1))
    const { layout } = fake
    expect(await uninstall(layout, options(false))).toEqual([layout.dataDir, layout.settingsFile])
    expect(fake.serviceState()).toBe('inactive')
    expect([layout.executable, layout.unit ?? ''].map(existsSync)).toEqual([false, false])
    expect(await uninstall(layout, options(true))).toEqual([])
    expect([layout.dataDir, layout.settingsFile].map(existsSync)).toEqual([false, false])
    expect(await captureError(uninstall(layout, options(false)))).toMatchObject({
      code: 'not_found',
    })
  })

  test('is refused while an upgrade is unfinished', async () => {
    using fake = createFakeInstallation()
    await install(fake.request(1))
    fake.leaveInterrupted({ phase: 'proven' })
    expect(await captureError(uninstall(fake.layout, options(true)))).toMatchObject({
      code: 'conflict',
      hint: 'run the installer again; then uninstall',
    })
    expect(fake.installedVersion()).toBe('1')
    rmSync(fake.layout.stagingDir, { recursive: true })
    expect(await uninstall(fake.layout, options(true))).toEqual([])
  })
})
