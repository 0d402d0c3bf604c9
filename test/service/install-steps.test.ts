import { describe, expect, spyOn, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { install } from '../../src/service/install'
import type { Layout } from '../../src/service/paths'
import { requireFreePorts } from '../../src/service/readiness'
import { readInstallationStatus } from '../../src/service/status'
import { uninstall } from '../../src/service/uninstall'
import { captureError } from '../support/capture-error'
import { createFakeInstallation, nameOf } from '../support/fake-installation'
import { createFakePrograms } from '../support/fake-programs'

const isRoot = process.getuid?.() === 0

/** Has this process seem to run on another system or as another user until the returned object is disposed. */
function pretend({ platform, uid }: { platform?: NodeJS.Platform; uid?: number }): Disposable {
  const before = process.platform
  if (platform !== undefined) Object.defineProperty(process, 'platform', { value: platform })
  const spy = uid === undefined ? null : spyOn(process, 'getuid').mockReturnValue(uid)
  return {
    [Symbol.dispose]() {
      Object.defineProperty(process, 'platform', { value: before })
      spy?.mockRestore()
    },
  }
}

const withUser = (layout: Layout, user = 'nobody'): Layout => ({ ...layout, user })

describe('an installation is refused before anything is created', () => {
  test.each([
    [
      'on Windows',
      { platform: 'win32' },
      false,
      'unavailable',
      'installing a service is not supported on Windows',
      'run `snailpass serve` from Task Scheduler, as docs/install.md shows',
    ],
    [
      'without root',
      { uid: 1000 },
      true,
      'forbidden',
      'root is required',
      'run it with sudo, or install below a folder of your own with --prefix',
    ],
    [
      'on another system than Linux',
      { platform: 'darwin', uid: 0 },
      true,
      'unavailable',
      'a service needs systemd, which this system lacks',
      'install below a folder of your own with --prefix; on macOS, launchd can run the server, as docs/install.md shows',
    ],
  ] as const)('%s', async (_name, machine, hasUser, code, message, hint) => {
    using fake = createFakeInstallation()
    using _machine = pretend(machine)
    const layout = hasUser ? withUser(fake.layout) : fake.layout
    expect(await captureError(install(fake.request(1, { layout })))).toMatchObject({
      code,
      message,
      hint,
    })
    expect(existsSync(join(fake.folder, 'prefix'))).toBeFalse()
    expect(fake.calls()).toEqual([])
  })

  test.skipIf(existsSync('/run/systemd/system'))('without systemd', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _machine = pretend({ uid: 0 })
    const layout = withUser(fake.layout)
    expect(await captureError(install(fake.request(1, { layout })))).toMatchObject({
      code: 'unavailable',
      message: 'systemd is not running',
      hint: 'install with --no-service, and start the server with the init system of this machine',
    })
    expect(existsSync(join(fake.folder, 'prefix'))).toBeFalse()
  })
})

test('an installation without a user needs no root, on any system', async () => {
  for (const machine of [{ platform: 'darwin', uid: 1000 }, { uid: 1000 }] as const) {
    using fake = createFakeInstallation()
    using _machine = pretend(machine)
    await install(fake.request(1))
    expect(fake.installedVersion()).toBe('1')
  }
})

describe('an installation for a system user', () => {
  // Only root can run programs as another user.
  test.skipIf(!isRoot)('lets the server read the settings, and change only its data', async () => {
    using fake = createFakeInstallation()
    using programs = createFakePrograms({ useradd: '', adduser: '', addgroup: '' })
    // `nobody` runs the fake executables, which write there.
    chmodSync(fake.folder, 0o777)
    const layout = withUser(fake.layout)
    const { uid, gid } = statOfUser()
    await install(fake.request(1, { layout }))
    const ofSettings = statSync(layout.settingsFile)
    expect({ mode: ofSettings.mode & 0o777, uid: ofSettings.uid, gid: ofSettings.gid }).toEqual({
      mode: 0o640,
      uid: 0,
      gid,
    })
    const ofData = statSync(layout.dataDir)
    expect({ mode: ofData.mode & 0o777, uid: ofData.uid, gid: ofData.gid }).toEqual({
      mode: 0o700,
      uid,
      gid,
    })
    expect(statSync(layout.executable).uid).toBe(0)
    // The user exists, so none is created.
    expect(programs.calls()).toEqual([])
    expect(fake.lines).toEqual([
      `wrote ${layout.settingsFile}`,
      `installed ${layout.executable}, ${nameOf(1)}`,
    ])
  })

  test.skipIf(!isRoot)('creates the user if it is missing', async () => {
    using fake = createFakeInstallation()
    using programs = createFakePrograms({ useradd: 'exit 9', adduser: '', addgroup: '' })
    const layout = withUser(fake.layout, 'no-such-user')
    expect(await captureError(install(fake.request(1, { layout })))).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^useradd .* failed \(9\)/),
    })
    expect(programs.calls()).toEqual([
      `useradd --system --user-group --home-dir ${layout.dataDir} --no-create-home --shell /usr/sbin/nologin no-such-user`,
    ])
    expect(fake.lines).toEqual([])
    expect(existsSync(join(fake.folder, 'prefix'))).toBeFalse()
  })
})

function statOfUser(): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((text) => text.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  return { uid: Number(uid), gid: Number(gid) }
}

describe('the steps of an installation', () => {
  test('come in their order, and a failed one leaves no service', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    const calls = [
      '1 outlook',
      '1 create',
      'systemctl daemon-reload',
      'systemctl enable',
      'systemctl show',
      'systemctl reset-failed',
      'systemctl start',
      'systemctl show',
    ]
    for (const [index, step] of calls.slice(0, 4).entries()) {
      const before = fake.calls().length
      fake.setFault(`call ${step}`)
      expect(await captureError(install(fake.request(1))), step).toMatchObject({
        code: 'unavailable',
      })
      // The database and the unit that are there are not created again.
      const expected = calls.slice(0, index + 1)
      const done = ['1 create', 'systemctl daemon-reload']
      const remaining = expected.filter((call) => !done.includes(call))
      expect(fake.calls().slice(before), step).toEqual(index === 3 ? remaining : expected)
      expect(fake.serviceState()).toBe('inactive')
      expect(existsSync(fake.layout.stagingDir)).toBeFalse()
      if (index === 0) expect(fake.installedVersion()).toBeNull()
    }
    fake.setFault(null)
    rmSync(fake.layout.unit ?? '')
    rmSync(fake.layout.executable)
    rmSync(join(fake.layout.dataDir, 'snailpass.db'))
    const before = fake.calls().length
    await install(fake.request(1))
    expect(fake.calls().slice(before)).toEqual(calls)
    expect(fake.serviceState()).toBe('active')
  })

  test('stop a running service whose unit has changed before they start it', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    await install(fake.request(1))
    writeFileSync(fake.layout.unit ?? '', 'something else')
    const before = fake.calls().length
    await install(fake.request(1))
    expect(fake.calls().slice(before)).toEqual([
      '1 outlook',
      'systemctl daemon-reload',
      'systemctl enable',
      'systemctl show',
      'systemctl stop',
      'systemctl reset-failed',
      'systemctl start',
      'systemctl show',
    ])
    expect(readFileSync(fake.layout.unit ?? '', 'utf8')).toContain('[Service]')
    expect(statSync(fake.layout.unit ?? '').mode & 0o777).toBe(0o644)
  })

  test('do not touch a running service that is ready', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    await install(fake.request(1))
    const before = fake.calls().length
    fake.lines.length = 0
    await install(fake.request(1))
    expect(fake.calls().slice(before)).toEqual(['1 outlook', 'systemctl enable', 'systemctl show'])
    expect(fake.lines).toEqual([`${nameOf(1)} is already installed`])
  })

  test('refuse a service on a port that nobody would know', async () => {
    for (const hasService of [true, false]) {
      using fake = createFakeInstallation({ hasService })
      using _systemd = fake.withFakeSystemd()
      const request = fake.request(1)
      const text = readFileSync(request.program, 'utf8')
      writeFileSync(request.program, text.replace(`:-127.0.0.1:${fake.port}`, ':-127.0.0.1:0'))
      const error = await captureError(install(request))
      if (hasService) {
        expect(error).toMatchObject({
          code: 'invalid',
          message: 'a service needs a fixed port, and the settings say port 0',
          hint: `choose a port in ${fake.layout.settingsFile}`,
        })
        expect(fake.calls()).toEqual(['1 outlook'])
      } else expect(error).toBeNull()
      expect(fake.installedVersion()).toBe(hasService ? null : '1')
      expect(existsSync(fake.layout.stagingDir)).toBeFalse()
    }
  })

  test('create the folders that the server writes to, and go on if their disk may be away', async () => {
    using fake = createFakeInstallation()
    const request = fake.request(1)
    const other = join(fake.folder, 'other', 'backups')
    const text = readFileSync(request.program, 'utf8')
    writeFileSync(request.program, text.replace('"folders":["%s"]', `"folders":["%s","${other}"]`))
    // Its disk may not be mounted.
    await install(request)
    expect(fake.lines).toContain(
      `warning: ${other} can't be created: ${dirname(other)} does not exist`,
    )
    expect(existsSync(dirname(other))).toBeFalse()
    mkdirSync(dirname(other))
    await install(request)
    expect(statSync(other).mode & 0o777).toBe(0o700)
    // An existing one is left alone.
    chmodSync(other, 0o750)
    await install(request)
    expect(statSync(other).mode & 0o777).toBe(0o750)
  })
})

test('a port is free if nothing listens there, and is free again after the check; else it is told who has it', async () => {
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const endpoints = [
    { address: { path: '/nonexistent/x' }, isTls: false },
    { address: { hostname: '127.0.0.1', port }, isTls: false },
  ]
  expect(await captureError(requireFreePorts(endpoints))).toMatchObject({
    code: 'conflict',
    message: expect.stringMatching(
      new RegExp(
        `^can't listen on 127\\.0\\.0\\.1:${port}: port ${port} is already in use by .+ \\(process ${process.pid}\\)$`,
      ),
    ),
    hint: 'stop the program that uses the port, or set another address with SNAILPASS_LISTEN in the settings file',
  })
  await new Promise<void>((resolve) => void listener.close(() => resolve()))
  await requireFreePorts(endpoints)
  await requireFreePorts([...endpoints, ...endpoints])
})

describe('an uninstallation', () => {
  const notInstalled = (layout: Layout) => ({
    code: 'not_found',
    message: `snailpass is not installed at ${layout.executable}`,
    hint: 'use --prefix if it was installed below a folder of your own',
  })

  test('stops and removes the service, then the executable, and says so', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    await install(fake.request(1))
    mkdirSync(fake.layout.stagingDir)
    const before = fake.calls().length
    const lines: string[] = []
    const options = { purge: false, info: (line: string) => void lines.push(line) }
    const { layout } = fake
    expect(await uninstall(layout, options)).toEqual([layout.dataDir, layout.settingsFile])
    expect(fake.calls().slice(before)).toEqual(['systemctl disable', 'systemctl daemon-reload'])
    expect(lines).toEqual(['stopped and removed the service', `removed ${layout.executable}`])
    expect(existsSync(layout.stagingDir)).toBeFalse()
    expect(existsSync(layout.dataDir)).toBeTrue()
    rmSync(layout.settingsFile)
    writeFileSync(layout.executable, '')
    expect(await uninstall(layout, options)).toEqual([layout.dataDir])
    expect(await captureError(uninstall(layout, options))).toMatchObject(notInstalled(layout))
  })

  test('with purge removes the data and the settings as well, also of an earlier one', async () => {
    using fake = createFakeInstallation()
    await install(fake.request(1))
    const { layout } = fake
    writeFileSync(join(dirname(layout.settingsFile), 'own.env'), '')
    const lines: string[] = []
    const info = (line: string) => void lines.push(line)
    expect(await uninstall(layout, { purge: false, info })).toHaveLength(2)
    lines.length = 0
    expect(await uninstall(layout, { purge: true, info })).toEqual([])
    expect(lines).toEqual([
      `removed ${layout.executable}`,
      `removed ${layout.dataDir} and ${dirname(layout.settingsFile)}`,
    ])
    expect([layout.dataDir, dirname(layout.settingsFile)].map(existsSync)).toEqual([false, false])
    expect(await captureError(uninstall(layout, { purge: true, info }))).toMatchObject(
      notInstalled(layout),
    )
  })

  test.each(['systemctl disable', 'systemctl daemon-reload'] as const)(
    'that fails is completed by the next one: %s',
    async (step) => {
      using fake = createFakeInstallation({ hasService: true })
      using _systemd = fake.withFakeSystemd()
      await install(fake.request(1))
      const { layout } = fake
      const options = { purge: false, info: () => {} }
      fake.setFault(`call ${step}`)
      expect(await captureError(uninstall(layout, options))).toMatchObject({
        code: 'unavailable',
      })
      expect(fake.installedVersion()).toBe('1')
      expect(existsSync(layout.unit ?? '')).toBe(step === 'systemctl disable')
      fake.setFault(null)
      expect(await uninstall(layout, options)).toHaveLength(2)
      expect([layout.executable, layout.unit ?? ''].map(existsSync)).toEqual([false, false])
    },
  )

  test('of a unit without an executable works', async () => {
    using fake = createFakeInstallation({ hasService: true })
    using _systemd = fake.withFakeSystemd()
    writeFileSync(fake.layout.unit ?? '', 'x')
    expect(await uninstall(fake.layout, { purge: false, info: () => {} })).toEqual([])
    expect(existsSync(fake.layout.unit ?? '')).toBeFalse()
  })

  test('of a system user needs root, and removes that user only with purge', async () => {
    using fake = createFakeInstallation()
    using programs = createFakePrograms({ userdel: '', deluser: '' })
    await install(fake.request(1))
    const layout = withUser(fake.layout)
    const lines: string[] = []
    const info = (line: string) => void lines.push(line)
    {
      using _machine = pretend({ uid: 1000 })
      expect(await captureError(uninstall(layout, { purge: true, info }))).toMatchObject({
        code: 'forbidden',
        message: 'root is required',
      })
      expect(fake.installedVersion()).toBe('1')
      expect(lines).toEqual([])
    }
    using _machine = pretend({ uid: 0 })
    await uninstall(layout, { purge: false, info })
    expect(programs.calls()).toEqual([])
    await uninstall(layout, { purge: true, info })
    expect(programs.calls()).toEqual(['userdel nobody'])
    expect(lines.at(-1)).toBe('removed the user nobody')
    // A user that is gone already is not removed again.
    mkdirSync(layout.dataDir)
    lines.length = 0
    await uninstall(withUser(layout, 'no-such-user'), { purge: true, info })
    expect(programs.calls()).toHaveLength(1)
    expect(lines).toHaveLength(2)
    expect(readdirSync(join(fake.folder, 'prefix', 'var', 'lib'))).toEqual([])
  })
})

test('the status needs the settings, and no unit where there is none', async () => {
  using fake = createFakeInstallation({ hasService: true })
  using _systemd = fake.withFakeSystemd()
  await install(fake.request(1))
  const files: string[] = []
  const options = {
    endpointsOf: (file: string) => {
      files.push(file)
      return []
    },
    checkReadiness: async () => null,
  }
  rmSync(fake.layout.unit ?? '')
  expect(await readInstallationStatus(fake.layout, options)).toEqual({
    version: `snailpass ${nameOf(1)}`,
    service: null,
    isReady: false,
    problems: [],
  })
  expect(files).toEqual([fake.layout.settingsFile])
  rmSync(fake.layout.settingsFile)
  expect(await captureError(readInstallationStatus(fake.layout, options))).toMatchObject({
    code: 'forbidden',
    message: `can't read ${fake.layout.settingsFile}, which names the server's addresses`,
    hint: 'run this with sudo',
  })
  writeFileSync(fake.layout.settingsFile, '')
  writeFileSync(fake.layout.unit ?? '', 'x')
  rmSync(fake.layout.executable)
  expect((await readInstallationStatus(fake.layout, options)).version).toBeNull()
})
