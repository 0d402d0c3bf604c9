import { describe, expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { asFileError, installExecutable, linkExecutable } from '../../src/service/files'
import { install } from '../../src/service/install'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { createFakeInstallation, nameOf } from '../support/fake-installation'
import { recordFileOperations } from '../support/file-operations'

const isFull = (details: object) =>
  Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', ...details })

/** Has the disk be full for each copy of a file: half of it is written. */
function refuseCopies(): Disposable {
  return spyOn(fs, 'copyFileSync').mockImplementation((from, to) => {
    writeFileSync(to, 'half')
    throw isFull({ syscall: 'copyfile', path: from, dest: to })
  })
}

/** Has the disk be full for a text with these words. */
function refuseText(words: string): Disposable {
  const { writeFileSync: write } = fs
  return spyOn(fs, 'writeFileSync').mockImplementation((file, text, options) => {
    if (String(text).includes(words)) throw isFull({ syscall: 'write' })
    write(file, text, options)
  })
}

describe('an executable', () => {
  test('that does not fit leaves no part of it, and the old one', () => {
    using folder = temporaryFolder()
    const [source, path] = [join(folder.path, 'source'), join(folder.path, 'bin', 'snailpass')]
    writeFileSync(source, 'old')
    installExecutable(source, path)
    writeFileSync(source, 'new')
    using _ = refuseCopies()
    expect(() => installExecutable(source, path)).toThrow('ENOSPC')
    expect(readdirSync(dirname(path))).toEqual(['snailpass'])
    expect(readFileSync(path, 'utf8')).toBe('old')
  })

  test('that was copied already fits always, also a second time', () => {
    using folder = temporaryFolder()
    const [source, path] = [join(folder.path, 'source'), join(folder.path, 'bin', 'snailpass')]
    writeFileSync(source, 'new', { mode: 0o755 })
    using _ = refuseCopies()
    for (const _time of [1, 2]) {
      linkExecutable(source, path)
      expect(statSync(path).ino).toBe(statSync(source).ino)
      expect(readdirSync(dirname(path))).toEqual(['snailpass'])
    }
  })

  test('that was copied already is installed while it runs, by either name', async () => {
    using folder = temporaryFolder()
    const [source, path] = [join(folder.path, 'source'), join(folder.path, 'bin', 'snailpass')]
    installExecutable('/bin/sleep', source)
    linkExecutable(source, path)
    const running = Bun.spawn([path, '1000'])
    linkExecutable(source, path)
    running.kill()
    await running.exited
    expect(statSync(path).ino).toBe(statSync(source).ino)
  })

  test('is copied where there are no hard links', () => {
    using folder = temporaryFolder()
    const [source, path] = [join(folder.path, 'source'), join(folder.path, 'bin', 'snailpass')]
    writeFileSync(source, 'new')
    using _ = spyOn(fs, 'linkSync').mockImplementation(() => {
      throw Object.assign(new Error('EXDEV'), { code: 'EXDEV', syscall: 'link' })
    })
    linkExecutable(source, path)
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['new', 0o755])
    expect(statSync(path).ino).not.toBe(statSync(source).ino)
  })
})

const first = ['migration 1', 'written to 1']

/** An installation of version 1 whose service runs, and to which a client has written. */
async function createInstalled() {
  const fake = createFakeInstallation({ hasService: true })
  const systemd = fake.withFakeSystemd()
  await install(fake.request(1))
  for (const line of first) fake.write(line)
  return {
    ...fake,
    [Symbol.dispose]() {
      systemd[Symbol.dispose]()
      fake[Symbol.dispose]()
    },
  }
}

test('an installation copies the executable once, and an upgrade both of them before it stops the service', async () => {
  using fake = await createInstalled()
  using recording = recordFileOperations('/')
  const copiesSoFar = () => recording.take().filter((operation) => operation.startsWith('copy '))
  const copies: Record<string, number> = {}
  const info = (line: string) => {
    copies[line] = copiesSoFar().length
  }
  await install(fake.request(2, { info }))
  copies['the end'] = copiesSoFar().length
  const counts = Object.entries(copies).filter(([, count]) => count > 0)
  expect(counts).toEqual([
    [`upgrading from ${nameOf(1)} to ${nameOf(2)}`, 1],
    ['stopped the service', 1],
  ])
  using other = createFakeInstallation()
  await install(other.request(1))
  expect(copiesSoFar()).toHaveLength(1)
})

describe('an upgrade without space', () => {
  test('for a copy of an executable changes nothing, and works once there is space', async () => {
    using fake = await createInstalled()
    {
      using _ = refuseCopies()
      expect(await captureError(install(fake.request(2)))).toMatchObject({
        code: 'unavailable',
        message: `not installed: no space is left in ${fake.layout.stagingDir}`,
        hint: 'free space on that disk, and run this again',
      })
    }
    expect(existsSync(fake.layout.stagingDir)).toBeFalse()
    expect(fake.serviceCalls()).not.toContain('stop')
    expect([fake.installedVersion(), fake.serviceState()]).toEqual(['1', 'active'])
    await install(fake.request(2))
    expect(fake.installedVersion()).toBe('2')
  })

  test('to note that the new version passed its test is rolled back, and says so', async () => {
    using fake = await createInstalled()
    using _ = refuseText('"phase":"proven"')
    expect(await captureError(install(fake.request(2)))).toMatchObject({
      code: 'unavailable',
      message: `the upgrade to ${nameOf(2)} failed: no space is left in ${fake.layout.stagingDir}\nrestored ${nameOf(1)} and its database; the service is running again`,
      hint: expect.stringMatching(
        /^free space on that disk, and run this again\nbackup from before/,
      ),
    })
    expect([fake.installedVersion(), fake.serviceState()]).toEqual(['1', 'active'])
    expect(fake.readDatabase()).toEqual(first)
    expect(existsSync(fake.layout.stagingDir)).toBeFalse()
  })

  test('has the space of the old version for what comes after its test', async () => {
    using fake = await createInstalled()
    const found: Record<string, boolean> = {}
    const info = (line: string) => {
      found[line] = existsSync(fake.staging.oldExecutable)
    }
    await install(fake.request(2, { info }))
    expect(found['testing the new version, where no client can reach it']).toBeTrue()
    expect(found['the new version passed its test']).toBeFalse()
  })
})

test('a write that fails names its folder, although the system does not', async () => {
  using fake = createFakeInstallation()
  using _ = refuseText('# Settings of the SnailPass server')
  expect(await captureError(install(fake.request(1)))).toMatchObject({
    code: 'unavailable',
    message: `not installed: no space is left in ${dirname(fake.layout.settingsFile)}`,
  })
  const quota = asFileError(isFull({ code: 'EDQUOT', syscall: 'write', path: '/srv/x' }))
  expect(quota).toMatchObject({ message: 'no space is left in /srv' })
})
