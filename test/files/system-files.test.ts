import { describe, expect, test } from 'bun:test'
import { requireOpenFiles } from '../../src/app/open-files'
import { requirePassphraseMemory } from '../../src/backup/passphrase-memory'
import {
  availableMemory,
  memoryLimit,
  openFileLimit,
  openFilesHint,
} from '../../src/files/system-files'

const machine = (files: Readonly<Record<string, string>>) => (path: string) => files[path] ?? null
const limits = (files: string) =>
  machine({ '/proc/self/limits': `Limit  Soft\nMax open files   ${files}   4096  files\n` })

describe('the number of files that may be open', () => {
  test.each([
    ['16', 16],
    ['1048576', 1_048_576],
    ['unlimited', null],
  ])('is that of the process: %p', (text, expected) => {
    expect(openFileLimit(limits(text))).toBe(expected)
  })

  test('is unknown on a system that does not tell it', () => {
    expect(openFileLimit(machine({}))).toBeNull()
    for (const use of ['server', 'command'] as const)
      expect(() => requireOpenFiles(use, machine({}))).not.toThrow()
  })

  test.each([
    ['command', 16, 'this command needs 16'],
    ['server', 32, 'the server needs 32'],
  ] as const)('is enough for a %s from %i on', (use, enough, text) => {
    expect(() => requireOpenFiles(use, limits(String(enough)))).not.toThrow()
    expect(() => requireOpenFiles(use, limits(String(enough - 1)))).toThrow(
      `this process may open only ${enough - 1} files; ${text}`,
    )
  })
})

test('an error of a file that can not be opened names the limit, if that is the likely reason', () => {
  const hint = 'raise the number of files that may be open: ulimit -n 1024'
  for (const code of ['EMFILE', 'ENFILE']) expect(openFilesHint(code, limits('4096'))).toBe(hint)
  expect(openFilesHint('SQLITE_CANTOPEN', limits('63'))).toBe(hint)
  expect(openFilesHint('SQLITE_CANTOPEN', limits('64'))).toBeNull()
  expect(openFilesHint('SQLITE_CANTOPEN', machine({}))).toBeNull()
  for (const code of ['EACCES', 'SQLITE_IOERR', null])
    expect(openFilesHint(code, limits('16'))).toBeNull()
})

const megabyte = 1_000_000
const kilobytes = (megabytes: number) => Math.ceil((megabytes * megabyte) / 1024)
const meminfo = (available: number, swap = 0) =>
  `MemTotal: 1 kB\nMemAvailable:   ${kilobytes(available)} kB\nSwapFree: ${kilobytes(swap)} kB\n`

describe('the available memory', () => {
  test.each<[string, Record<string, string>, number | null]>([
    ['is unknown on a system that does not tell it', {}, null],
    ['is that of the machine', { '/proc/meminfo': meminfo(512) }, 512],
    [
      'is what the control group has left, if that is less',
      {
        '/proc/meminfo': meminfo(512),
        '/proc/self/cgroup': '0::/system.slice/snailpass.service\n',
        '/sys/fs/cgroup/system.slice/snailpass.service/memory.max': `${128 * megabyte}\n`,
        '/sys/fs/cgroup/system.slice/snailpass.service/memory.stat': `file 5\nanon ${28 * megabyte}\n`,
      },
      100,
    ],
    [
      'is not limited by a group without a limit',
      {
        '/proc/meminfo': meminfo(512),
        '/proc/self/cgroup': '0::/a\n',
        '/sys/fs/cgroup/a/memory.max': 'max\n',
      },
      512,
    ],
    [
      'is limited by the root of the groups that a container sees',
      {
        '/proc/self/cgroup': '0::/../outside\n',
        '/sys/fs/cgroup/memory.max': `${64 * megabyte}\n`,
      },
      64,
    ],
    [
      'is limited by a group of version 1',
      {
        '/proc/meminfo': meminfo(512),
        '/proc/self/cgroup': '5:cpu,memory:/docker/x\n4:pids:/\n0::/\n',
        '/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes': `${200 * megabyte}\n`,
        '/sys/fs/cgroup/memory/docker/x/memory.stat': `rss 1\ntotal_rss ${50 * megabyte}\n`,
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      },
      150,
    ],
    [
      'is none in a group that uses more than its limit',
      {
        '/proc/self/cgroup': '0::/a\n',
        '/sys/fs/cgroup/a/memory.max': '5\n',
        '/sys/fs/cgroup/a/memory.stat': 'anon 6\n',
      },
      0,
    ],
  ])('%s', (_, files, megabytes) => {
    expect(availableMemory(machine(files))).toBe(megabytes === null ? null : megabytes * megabyte)
  })

  test('is less than the limit by what is in use', () => {
    const files = machine({
      '/proc/meminfo': meminfo(512),
      '/proc/self/cgroup': '0::/a\n',
      '/sys/fs/cgroup/a/memory.max': `${128 * megabyte}\n`,
      '/sys/fs/cgroup/a/memory.stat': `anon ${28 * megabyte}\n`,
    })
    expect([memoryLimit(files), availableMemory(files)]).toEqual([128 * megabyte, 100 * megabyte])
  })
})

describe('a passphrase', () => {
  const check = (use: 'encrypt' | 'decrypt', text: string) => () =>
    requirePassphraseMemory(use, machine({ '/proc/meminfo': text }))

  test('may use all memory of its control group, and not a byte more than there is', () => {
    const inGroup = (bytes: number) => () =>
      requirePassphraseMemory(
        'encrypt',
        machine({
          '/proc/meminfo': meminfo(900),
          '/proc/self/cgroup': '0::/a\n',
          '/sys/fs/cgroup/a/memory.max': `${bytes}\n`,
        }),
      )
    expect(inGroup(290_000_000)).not.toThrow()
    expect(inGroup(289_999_999)).toThrow('and 289 MB are available')
  })

  test('needs 290 MB of memory, with what can be swapped out', () => {
    expect(check('encrypt', meminfo(290))).not.toThrow()
    expect(check('encrypt', meminfo(200, 90))).not.toThrow()
    expect(check('encrypt', '')).not.toThrow()
    for (const use of ['encrypt', 'decrypt'] as const)
      expect(check(use, meminfo(200, 89))).toThrow(
        'a passphrase needs 290 MB of memory, and 289 MB are available',
      )
  })
})
