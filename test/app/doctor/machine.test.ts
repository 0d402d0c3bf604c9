import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkClock } from '../../../src/app/doctor/clock'
import { checkExposure } from '../../../src/app/doctor/exposure'
import { checkSpace } from '../../../src/app/doctor/files'
import { checkFileSystem, checkResourceLimits } from '../../../src/app/doctor/machine'
import { systemRuntime } from '../../../src/app/runtime'
import { openTargets } from '../../../src/app/targets'
import { loadConfig } from '../../../src/config/load'
import { joinLines } from '../../../src/domain/errors'
import { isPublicHost } from '../../../src/domain/networks'
import { temporaryFolder } from '../../support/executable'
import { startPostgresFirst } from '../../support/postgres'
import { enginesWithTables, fillWithEdgeCases, targetsOf } from '../../support/test-database'

startPostgresFirst('newest')

/** A machine with these system files and no others. */
const machine = (files: Readonly<Record<string, string>>) => (path: string) => files[path] ?? null

const settingsOf = (environment: Record<string, string> = {}) =>
  loadConfig({ environment, flags: { dataDir: '/srv/snailpass' }, file: null }).settings

describe('the doctor finds', () => {
  test('too few open files, and too little memory of the machine or of its container', () => {
    const healthy = {
      '/proc/self/limits': 'Max open files            1024                 4096       files\n',
      '/proc/meminfo': 'MemTotal: 900000 kB\nMemAvailable:     800000 kB\n',
      '/proc/self/cgroup': '0::/system.slice/snailpass.service\n',
      '/sys/fs/cgroup/system.slice/snailpass.service/memory.max': 'max\n',
    }
    const find = (change: Record<string, string>) =>
      (checkResourceLimits(machine({ ...healthy, ...change })).findings ?? []).map(
        ({ what }) => what,
      )
    expect(find({})).toEqual([])
    expect(checkResourceLimits(machine(healthy)).fact).toBe('1024 files, 819 MB of memory')
    expect(find({ '/proc/self/limits': 'Max open files  256  4096  files\n' })).toEqual([
      'only 256 files may be open at the same time',
    ])
    expect(find({ '/proc/meminfo': 'MemAvailable:  50000 kB\n' })).toEqual([
      'only 51 MB of memory are available',
    ])
    const max = '/sys/fs/cgroup/system.slice/snailpass.service/memory.max'
    expect(find({ [max]: '67108864\n' })).toEqual(['only 67 MB of memory are available'])
    expect(find({ [max]: '159999999\n' })).toEqual(['only 159 MB of memory are available'])
    expect(find({ [max]: '160000000\n' })).toEqual([])
    expect(find({ '/proc/self/limits': 'Max open files  1023  4096  files\n' })).toHaveLength(1)
    expect(checkResourceLimits(machine({})).fact).toBe('limits unknown')
  })

  test('a database on a network file system', () => {
    const mountinfo = [
      '22 1 8:1 / / rw - ext4 /dev/sda1 rw',
      '30 22 0:40 / /srv rw - nfs4 nas:/vol rw',
      '31 30 8:2 / /srv/with\\040space rw - xfs /dev/sdb rw',
      '32 22 0:41 / /srvx rw - cifs //nas/x rw',
    ].join('\n')
    const at = (path: string) =>
      checkFileSystem(path, machine({ '/proc/self/mountinfo': mountinfo })).findings?.length ?? 0
    expect(at('/srv/snailpass/snailpass.db')).toBe(1)
    expect(at('/srvx/snailpass.db')).toBe(1)
    expect(at('/srv/with space/snailpass.db')).toBe(0)
    expect(at('/var/lib/snailpass/snailpass.db')).toBe(0)
    expect(checkFileSystem('/srv/x', machine({}))).toEqual({
      fact: 'file system unknown',
    })
  })

  test('a disk that is full, or will be soon', () => {
    const at = (free: number | null) =>
      checkSpace(openTargets(settingsOf(), systemRuntime), () => free)
    expect(at(200_000_000)).toEqual({ fact: '200 MB are free' })
    expect(at(100_000_000).findings).toMatchObject([
      { what: 'the disk is nearly full: 100 MB are free' },
    ])
    expect(at(50_000_000).findings).toMatchObject([{ why: 'writes are refused (507)' }])
    expect(at(null).findings).toBeUndefined()
  })

  test.each(enginesWithTables)('a wrong clock, on $engine', async ({ open, engine }) => {
    await using database = await open()
    await fillWithEdgeCases(database)
    const newest = Date.now()
    await database.sql(`update users set login_time = ${newest}`)
    const findAt = async (time: number, isSynchronized: boolean | null = null) =>
      (
        await checkClock(targetsOf(database, {}, { clock: () => time }), () =>
          Promise.resolve(isSynchronized),
        )
      ).findings?.map(({ what }) => joinLines(what))
    const now = Date.now()
    expect(await findAt(now)).toEqual([])
    expect(await findAt(now, true)).toEqual([])
    expect(await findAt(now, false)).toEqual(['no time service sets the clock of this machine'])
    expect((await findAt(newest - 400_000))?.[0]).toStartWith(
      'the clock of this machine is behind: it shows ',
    )
    expect((await findAt(newest + 3 * 86_400_000))?.[0]).toStartWith(
      'the clock of this machine may be ahead: it shows ',
    )
    const hasOwnClock = engine === 'Postgres'
    for (const [difference, problem] of [
      // Some seconds pass on a busy machine.
      [-3_600_000, /\b3[67]\d\d seconds behind\b/],
      [3_600_000, /\b3(?:5\d\d|600) seconds ahead of\b/],
    ] as const) {
      const found = await findAt(Date.now() + difference)
      expect(found?.some((what) => problem.test(what))).toBe(hasOwnClock)
    }
  })

  test('a server on which anyone on the internet can create an account', () => {
    const find = (environment: Record<string, string>, addresses: string[] = ['192.168.1.5']) =>
      checkExposure(settingsOf(environment), addresses).findings?.length ?? 0
    expect(find({})).toBe(0)
    expect(find({}, ['10.0.0.2', '9.9.9.9'])).toBe(1)
    expect(find({ SNAILPASS_LISTEN: '[::]:5000' }, ['[2a00::1]'])).toBe(1)
    expect(find({ SNAILPASS_LISTEN: '[::]:5000' }, ['9.9.9.9'])).toBe(1)
    expect(find({ SNAILPASS_LISTEN: '0.0.0.0:5000' }, ['[2a00::1]'])).toBe(0)
    expect(find({ SNAILPASS_PUBLIC_URL: 'https://vault.example.org' })).toBe(1)
    expect(find({ SNAILPASS_LISTEN: '127.0.0.1:5000' }, ['9.9.9.9'])).toBe(0)
    for (const closed of [
      { SNAILPASS_SIGNUPS: 'invited' },
      { SNAILPASS_SIGNUPS_DOMAINS: 'example.org' },
    ]) {
      expect(find({ SNAILPASS_PUBLIC_URL: 'https://vault.example.org', ...closed })).toBe(0)
    }
  })

  test('the default listener, which refuses plain HTTP from strangers with IPv6', () => {
    const check = (environment: Record<string, string>, dataDir: string, address = '[2a00::1]') => {
      const { settings } = loadConfig({ environment, flags: { dataDir }, file: null })
      const { fact, findings = [] } = checkExposure(settings, ['192.168.1.5', address])
      return { fact, findings: findings.length }
    }
    using fresh = temporaryFolder()
    using old = temporaryFolder()
    writeFileSync(join(old.path, 'secret.key'), '')
    const isPublic = 'sign-up is open to everyone, and the server is reachable as 2a00::1'
    const isOnlyPrivate = 'sign-up is open to everyone, from private networks only'
    const rule = '; other networks have to use HTTPS over IPv6'
    expect(check({}, fresh.path)).toEqual({ fact: `${isPublic}${rule}`, findings: 1 })
    expect(check({}, old.path)).toEqual({
      fact: `${isOnlyPrivate}${rule}, which is off`,
      findings: 0,
    })
    expect(check({ SNAILPASS_PLAIN_LOGINS: 'all' }, old.path)).toEqual({
      fact: isPublic,
      findings: 1,
    })
    for (const dataDir of [fresh.path, old.path]) {
      expect(check({}, dataDir, '[fd00::1]').fact).toBe(isOnlyPrivate)
      expect(check({ SNAILPASS_LISTEN: '5000' }, dataDir)).toEqual({ fact: isPublic, findings: 1 })
    }
  })

  test.each([
    ...['pi', 'nas.local', 'vault.home.arpa', 'localhost', '172.16.0.1', '100.64.0.1'].map(
      (host) => [host, false] as const,
    ),
    ...['fe80::1', 'fd00::1', '::1', '::ffff:192.168.1.5', '127.0.0.1', '169.254.1.1'].map(
      (host) => [host, false] as const,
    ),
    ...['example.org', '172.32.0.1', '100.128.0.1', '203.0.113.7', '2a00::1'].map(
      (host) => [host, true] as const,
    ),
  ])('whether %s is public: %p', (host, expected) => {
    expect(isPublicHost(host)).toBe(expected)
  })
})
