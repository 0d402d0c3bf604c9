import { describe, expect, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load'
import { settingKeys, settingTable } from '../../src/config/settings'
import { DomainError } from '../../src/domain/errors'
import {
  ensurePrivateFolder,
  ensurePublicFolder,
  findFileText,
  haveSameContent,
  installExecutable,
  translateInstallErrors,
  writeTextFile,
} from '../../src/service/files'
import { layoutOf } from '../../src/service/paths'
import { renderSettingsFile } from '../../src/service/settings-file'
import { captureError } from '../support/capture-error'
import { modeOf } from '../support/data-folder'
import { temporaryFolder } from '../support/executable'
import { recordFileOperations } from '../support/file-operations'
import { createTemporaryFile } from '../support/settings-file'

/** Runs work under the strictest umask that people have. */
function withUmask<T>(work: () => T): T {
  const before = process.umask(0o077)
  try {
    return work()
  } finally {
    process.umask(before)
  }
}

describe('a folder of an installation', () => {
  test('that is public can be read by everyone, and so can its parents, whatever the umask', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'a', 'b')
    withUmask(() => ensurePublicFolder(path))
    expect([join(folder.path, 'a'), path].map(modeOf)).toEqual(['755', '755'])
    chmodSync(path, 0o711)
    ensurePublicFolder(path)
    expect(modeOf(path)).toBe('711')
  })

  test('that is private is for its owner alone, below public ones', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'a', 'b')
    withUmask(() => ensurePrivateFolder(path, null))
    expect([join(folder.path, 'a'), path].map(modeOf)).toEqual(['755', '700'])
    chmodSync(path, 0o750)
    ensurePrivateFolder(path, { uid: 65_534, gid: 65_533, home: '/', groups: [] })
    expect({ mode: modeOf(path), uid: statSync(path).uid }).toEqual({
      mode: '750',
      uid: process.getuid?.() ?? 0,
    })
  })

  // Only root can give a folder away.
  test.skipIf(process.getuid?.() !== 0)('that is private belongs to the service', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'a', 'b')
    ensurePrivateFolder(path, { uid: 65_534, gid: 65_533, home: '/', groups: [] })
    const { uid, gid } = statSync(path)
    expect({ uid, gid }).toEqual({ uid: 65_534, gid: 65_533 })
    expect(statSync(join(folder.path, 'a')).uid).toBe(0)
  })
})

test('an executable is installed for everyone to run, over a running or half-installed one', () => {
  using folder = temporaryFolder()
  const source = join(folder.path, 'source')
  writeFileSync(source, '#!/bin/sh\necho new\n', { mode: 0o600 })
  const target = join(folder.path, 'bin', 'snailpass')
  withUmask(() => installExecutable(source, target))
  expect([modeOf(target), modeOf(join(folder.path, 'bin'))]).toEqual(['755', '755'])
  writeFileSync(source, '#!/bin/sh\necho newer\n')
  writeFileSync(join(folder.path, 'bin', '.snailpass.installing'), 'half')
  chmodSync(join(folder.path, 'bin', '.snailpass.installing'), 0o000)
  using recording = recordFileOperations(join(folder.path, 'bin'))
  installExecutable(source, target)
  expect(recording.take()).toEqual([
    'remove .snailpass.installing',
    'copy ../source to .snailpass.installing',
    'sync .snailpass.installing',
    'rename .snailpass.installing to snailpass',
    'sync .',
  ])
  expect(Bun.spawnSync([target]).stdout.toString()).toBe('newer\n')
  expect(readdirSync(join(folder.path, 'bin'))).toEqual(['snailpass'])
})

test('a text file is written into a folder that may be missing, and is found again', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'etc', 'x.env')
  expect(findFileText(path)).toBeNull()
  withUmask(() => writeTextFile(path, 'ü\n', { mode: 0o644 }))
  expect(findFileText(path)).toBe('ü\n')
  expect([modeOf(path), modeOf(join(folder.path, 'etc'))]).toEqual(['644', '755'])
})

test('two files have the same content if every byte is the same', () => {
  using folder = temporaryFolder()
  const [one, other] = [join(folder.path, 'one'), join(folder.path, 'other')]
  const megabyte = 1024 * 1024
  const same = (text: string, otherText: string) => {
    writeFileSync(one, text)
    writeFileSync(other, otherText)
    return haveSameContent(one, other)
  }
  expect(same('', '')).toBeTrue()
  expect(same('abc', 'abc')).toBeTrue()
  expect(same('abc', 'abd')).toBeFalse()
  expect(same('abc', 'abcd')).toBeFalse()
  const long = 'x'.repeat(2 * megabyte)
  expect(same(`${long}a`, `${long}a`)).toBeTrue()
  expect(same(`${long}a`, `${long}b`)).toBeFalse()
  expect(same(`a${long}`, `b${long}`)).toBeFalse()
})

describe('an error of an installation', () => {
  test('of the file system says what to check', async () => {
    const cause = await captureError(Promise.try(() => readFileSync('/proc/self/missing')))
    expect(await captureError(translateInstallErrors(() => Promise.reject(cause)))).toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^not installed: ENOENT: .*\/proc\/self\/missing/),
      hint: 'check permissions and free space; without root, install below a folder of your own with --prefix',
      cause,
    })
  })

  test.each([
    ['that is a bug', new TypeError('x is undefined')],
    ['that has its own meaning', new DomainError('conflict', 'x')],
    ['of a socket', Object.assign(new Error('x'), { syscall: 'connect', code: 'ECONNREFUSED' })],
    ['of a path without a system call', Object.assign(new Error('x'), { path: '/x' })],
  ])('%s passes unchanged', async (_name, error) => {
    expect(await captureError(translateInstallErrors(() => Promise.reject(error)))).toBe(error)
    expect(await translateInstallErrors(async () => 5)).toBe(5)
  })
})

describe('the paths of an installation', () => {
  const system = {
    executable: '/usr/local/bin/snailpass',
    settingsFile: '/etc/snailpass/snailpass.env',
    dataDir: '/var/lib/snailpass',
    stagingDir: '/usr/local/lib/snailpass',
    user: 'snailpass',
  }

  test('are those of the system for root, with a unit or without', () => {
    expect(layoutOf({ prefix: null, hasService: true })).toEqual({
      ...system,
      unit: '/etc/systemd/system/snailpass.service',
    })
    expect(layoutOf({ prefix: null, hasService: false })).toEqual({ ...system, unit: null })
  })

  test.each([true, false])('are below the prefix, without a service and a user', (hasService) => {
    expect(layoutOf({ prefix: '/srv/../srv/x/', hasService })).toEqual({
      executable: '/srv/x/bin/snailpass',
      settingsFile: '/srv/x/etc/snailpass/snailpass.env',
      dataDir: '/srv/x/var/lib/snailpass',
      stagingDir: '/srv/x/lib/snailpass',
      unit: null,
      user: null,
    })
    expect(layoutOf({ prefix: 'x', hasService }).dataDir).toBe(
      join(process.cwd(), 'x/var/lib/snailpass'),
    )
  })
})

describe('the settings file of a new installation', () => {
  test.each([false, true])('explains each setting, and sets few: of a service %p', (isService) => {
    const text = renderSettingsFile('/var/lib/snailpass', { isService })
    const values = new Map([
      ['dataDir', '/var/lib/snailpass'],
      ...(isService ? ([['mdns', 'yes']] as const) : []),
    ])
    const [head, ...blocks] = text.split('\n\n')
    expect(head).toStartWith('# Settings of the SnailPass server, one NAME=value per line.')
    expect(blocks.map((block) => block.trimEnd())).toEqual(
      settingKeys.map((key) => {
        const { name, meaning, defaultText } = settingTable[key]
        const value = values.get(key)
        const line = value === undefined ? `#${name}=` : `${name}=${value}`
        return `# ${meaning}\n# (default: ${defaultText})\n${line}`
      }),
    )
    expect(text).toEndWith('=\n')
  })

  test.each([
    '/srv/x',
    '/srv/a b',
    '/srv/#1',
    '/srv/a\\b',
    '/srv/ü',
    '/srv/$HOME',
    '/srv/@a+b-c.d',
  ])('names a data folder as the server reads it: %s', (dataDir) => {
    using file = createTemporaryFile(renderSettingsFile(dataDir))
    const { settings, warnings } = loadConfig({ environment: {}, flags: {}, file: file.path })
    expect(settings.dataDir).toBe(dataDir)
    expect(warnings).toEqual([])
    // Quotes only where they are needed.
    const isPlain = ['/srv/x', '/srv/@a+b-c.d'].includes(dataDir)
    expect(renderSettingsFile(dataDir).includes('="/srv/')).toBe(!isPlain)
  })
})

test('a folder in the way of the draft stops an installation', () => {
  using folder = temporaryFolder()
  mkdirSync(join(folder.path, '.snailpass.installing', 'x'), { recursive: true })
  writeFileSync(join(folder.path, 'source'), 'new')
  const target = join(folder.path, 'snailpass')
  expect(() => installExecutable(join(folder.path, 'source'), target)).toThrow()
  expect(existsSync(target)).toBeFalse()
})
