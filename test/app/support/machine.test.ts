import { expect, test } from 'bun:test'
import { version } from 'node:os'
import { describeMachine } from '../../../src/app/support/machine'
import { onPlatform } from '../../support/platform'

type Files = Readonly<Record<string, string>>

const describeWith = (
  files: Files,
  { serverPid = null, environment = {} }: { serverPid?: number | null; environment?: Files } = {},
) =>
  describeMachine({ dataDir: '/srv/data', serverPid }, (path) => files[path] ?? null, environment)

test('a machine with systemd is described by its system, memory and file system', () => {
  const files = {
    '/etc/os-release': 'NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    '/proc/meminfo': 'MemAvailable:     800000 kB\n',
    '/proc/1/comm': 'systemd\n',
    '/proc/7/cgroup': '0::/system.slice/snailpass.service\n',
    '/proc/self/mountinfo':
      '1 0 8:1 / / rw - ext4 /dev/x rw\n2 1 0:1 / /srv rw - btrfs /dev/y rw\n',
  }
  expect(describeWith(files, { serverPid: 7 })).toEqual({
    system: expect.stringMatching(/^Debian GNU\/Linux 12 \(bookworm\), Linux [\d.]+$/),
    architecture: process.arch,
    processors: expect.any(Number),
    memory: expect.any(Number),
    memoryLimit: 819_200_000,
    ...{ container: null, hasSystemd: true, unit: 'snailpass.service', fileSystem: 'btrfs' },
  })
})

test('a system is told without its file, or by the file that stands in for it', () => {
  const kernel = describeWith({}).system
  expect(kernel).toMatch(/^Linux [\d.]+$/)
  const release = 'PRETTY_NAME=Alpine\n'
  expect(describeWith({ '/usr/lib/os-release': release }).system).toBe(`Alpine, ${kernel}`)
  using _ = onPlatform('win32')
  expect(describeWith({ '/etc/os-release': release }).system).toBe(`${version()}, ${kernel}`)
})

test('what can not be told is null', () => {
  expect(describeWith({}, { serverPid: 7 }).unit).toBeNull()
  expect(describeWith({})).toMatchObject({
    ...{ memoryLimit: null, container: null, hasSystemd: false, unit: null, fileSystem: null },
  })
  expect(describeMachine({ dataDir: null, serverPid: null }, () => '', {}).fileSystem).toBeNull()
})

test.each<[string | null, Files, Files]>([
  ['docker', { '/.dockerenv': '' }, {}],
  ['podman', { '/run/.containerenv': '' }, {}],
  ['lxc', { '/run/systemd/container': 'lxc\n' }, {}],
  ['systemd-nspawn', {}, { container: 'systemd-nspawn' }],
  ['kubernetes', { '/.dockerenv': '' }, { KUBERNETES_SERVICE_HOST: '10.0.0.1' }],
  ['wsl', { '/proc/version': 'Linux version 6.6 (root@x) Microsoft' }, {}],
  // A word that somebody has chosen.
  [null, {}, { container: 'of John Smith' }],
])('a container is told: %p', (container, files, environment) => {
  expect(describeWith(files, { environment }).container).toBe(container)
})

test('a server in the session of a user is in no service of its own', () => {
  const inSession = (path: string) => ({
    '/proc/7/cgroup': `0::/user.slice/user-1000.slice/${path}\n`,
  })
  const unitOf = (path: string) => describeWith(inSession(path), { serverPid: 7 }).unit
  expect(unitOf('user@1000.service/app.slice/terminal.scope')).toBeNull()
  expect(unitOf('user@1000.service/app.slice/snailpass.service')).toBe('snailpass.service')
})
