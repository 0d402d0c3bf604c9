import { describe, expect, test } from 'bun:test'
import { checkPermissions, checkSpace } from '../../../src/app/doctor/files'
import { checkFileSystem, checkResourceLimits } from '../../../src/app/doctor/machine'
import {
  findSpaceCommand,
  readLogHint,
  setClockCommand,
} from '../../../src/app/doctor/system-commands'
import { systemRuntime } from '../../../src/app/runtime'
import { openTargets } from '../../../src/app/targets'
import { loadConfig } from '../../../src/config/load'
import { readSystemFile } from '../../../src/files/system-files'
import { createDataFolder } from '../../support/data-folder'
import { onPlatform } from '../../support/platform'

const unsynced =
  'Windows syncs no folders: a power cut can undo the creation of a file a moment ago'

test('the doctor on macOS says that confirmed writes may be in the cache of the drive', () => {
  using _ = onPlatform('darwin')
  expect(checkFileSystem('/srv/snailpass.db', readSystemFile)).toEqual({
    fact: 'file system unknown; macOS leaves the last writes in the cache of the drive: a power cut can lose them',
  })
})

describe('the doctor on Windows', () => {
  test('says that it does not check modes, which do not exist there, and how to see who can read the files', async () => {
    using folder = createDataFolder()
    const { settings } = loadConfig({
      environment: {},
      flags: { dataDir: folder.path },
      file: null,
    })
    using _ = onPlatform('win32')
    for (const fix of [true, false]) {
      expect(await checkPermissions(openTargets(settings, systemRuntime), fix)).toEqual({
        fact: `not checked on Windows: icacls "${folder.path}" prints who can read the files`,
      })
    }
  })

  test('says that folders are not synced', () => {
    using _ = onPlatform('win32')
    expect(checkFileSystem('C:\\snailpass\\snailpass.db', readSystemFile)).toEqual({
      fact: `file system unknown; ${unsynced}`,
    })
  })

  test.each([
    ['\\\\nas\\vol\\snailpass.db', 1],
    ['//nas/vol/snailpass.db', 1],
    ['\\\\?\\UNC\\nas\\vol\\snailpass.db', 1],
    ['\\\\?\\C:\\snailpass.db', 0],
    ['\\\\.\\C:\\snailpass.db', 0],
    ['D:\\snailpass.db', 0],
  ])('finds that %p is on another machine: %p', (path, findings) => {
    using _ = onPlatform('win32')
    expect(checkFileSystem(path, () => null).findings?.length ?? 0).toBe(findings)
  })
})

test.each(['win32', 'darwin'] as const)(
  'the doctor on %s reads no files below /proc',
  (platform) => {
    using _ = onPlatform(platform)
    expect(readSystemFile('/proc/self/limits')).toBeNull()
    expect(checkResourceLimits(readSystemFile)).toEqual({ fact: 'limits unknown', findings: [] })
  },
)

test('what people are told to run exists on their system', () => {
  const told = (platform: NodeJS.Platform) => {
    using _ = onPlatform(platform)
    return [setClockCommand(), readLogHint(), findSpaceCommand('/srv')].join('\n')
  }
  const linux = told('linux')
  expect(linux).toBe(
    "timedatectl set-ntp true\nread its log: journalctl -u snailpass\ndf -h '/srv'; du -xh --max-depth=1 '/srv'",
  )
  expect(told('freebsd')).toBe(linux)
  const onlyLinux = /timedatectl|journalctl|max-depth/
  expect(told('darwin')).not.toMatch(onlyLinux)
  expect(told('win32')).not.toMatch(onlyLinux)
  expect(told('win32')).not.toMatch(/\bdf\b|\bdu\b|sudo/)
})

test('a full disk is told with a command of this system', () => {
  const { settings } = loadConfig({ environment: {}, flags: { dataDir: '/srv' }, file: null })
  using _ = onPlatform('win32')
  const { findings } = checkSpace(openTargets(settings, systemRuntime), () => 0)
  expect(findings?.[0]?.fix).toContain("Get-ChildItem '/srv'")
})
