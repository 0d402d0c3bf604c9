import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { acquireFileLock } from '../../../src/files/data-folder'
import { parseCertificateInfo } from '../../../src/tls/certificate-info'
import { tlsFolder, withTlsFolderLock } from '../../../src/tls/local/folder'
import { ensureLocalCertificates, startLocalSource } from '../../../src/tls/local/source'
import { captureError } from '../../support/capture-error'
import { temporaryFolder } from '../../support/executable'
import { steppedTiming } from '../../support/stepped-timing'
import { random } from '../../support/timing'
import { createTestLog } from '../../support/tls'
import { until } from '../../support/until'

// Longer than `until` waits, so that its error names what did not come.
setDefaultTimeout(300_000)

const start = Date.UTC(2026, 10, 23, 16, 31, 4)
const second = 1_000
const minute = 60 * second
const day = 24 * 60 * minute

/** Starts a source for a machine called pi, whose names a test can change. The test ends each of its waits. */
async function startTestSource(now = start, folder = temporaryFolder()) {
  const timing = steppedTiming(now)
  const { log, lines, listEntries } = createTestLog()
  const names = { own: ['pi', 'pi.local'] as readonly string[] }
  const deps = {
    folder: tlsFolder(join(folder.path, 'tls')),
    wanted: () => ({ hostname: 'pi', own: names.own, requested: [] }),
    clock: timing.clock,
    monotonicClock: timing.monotonicClock,
    random,
    wait: timing.wait,
  }
  const source = await startLocalSource({ ...deps, log })
  const seen: (readonly string[])[] = []
  source.subscribe(({ cert }) => seen.push(parseCertificateInfo(cert).names))
  return {
    source,
    timing,
    deps,
    names,
    seen,
    listEntries,
    entries: () =>
      lines.map((line) => {
        const { time: _, ...entry } = JSON.parse(line)
        return entry
      }),
    /** Ends a wait of two seconds, once the clock has been advanced by this. Returns after the check that follows. */
    async check(milliseconds: number) {
      expect(await timing.nextWait()).toBe(2 * second)
      timing.endWait(milliseconds)
      await timing.nextWait()
    },
    async [Symbol.asyncDispose]() {
      await source.stop()
      folder[Symbol.dispose]()
    },
  }
}

const issuedEntry = (names: string, at: number) => ({
  level: 'info',
  message: 'issued a certificate',
  names,
  until: new Date(at - day + 397 * day).toISOString().slice(0, 10),
})

test('the names of the machine are looked at a minute after the last time, and not before', async () => {
  await using setup = await startTestSource()
  const { names, seen, check } = setup
  expect(setup.entries()).toEqual([
    {
      level: 'info',
      message: 'created certificate authority; install it from /ca',
      sha256: setup.source.authority().info.sha256,
    },
    issuedEntry('pi, pi.local', start),
  ])
  names.own = ['pi', 'nas.local']
  await check(minute - 1)
  expect(seen).toEqual([])
  await check(1)
  expect(seen).toEqual([['pi', 'nas.local', 'pi.local']])
  expect(setup.entries().slice(2)).toEqual([issuedEntry('pi, nas.local, pi.local', start + minute)])
  names.own = ['new.local']
  await check(minute - 1)
  expect(seen).toHaveLength(1)
  await check(1)
  expect(seen).toHaveLength(2)
})

test('the names of the machine are looked at when someone asks for it', async () => {
  await using setup = await startTestSource()
  setup.names.own = ['pi', 'nas.local']
  await setup.timing.nextWait()
  setup.source.checkNow()
  await until(() => setup.entries().length === 3, 'the new certificate')
  expect(setup.entries().slice(2)).toEqual([issuedEntry('pi, nas.local, pi.local', start)])
  await setup.timing.nextWait()
})

test('a clock that is set back by an hour does not put off the next look', async () => {
  await using setup = await startTestSource()
  setup.names.own = ['nas.local']
  setup.timing.setClock(start - 60 * minute)
  await setup.check(minute - 1)
  expect(setup.seen).toEqual([])
  await setup.check(1)
  expect(setup.seen).toHaveLength(1)
})

test.each([
  ['not with exactly 180 days left', 180 * day, false],
  ['with less than that', 180 * day - 1, true],
])('the end of the authority is announced once, %s', async (_, left, isAnnounced) => {
  const folder = temporaryFolder()
  const first = await startTestSource(start, { ...folder, [Symbol.dispose]: () => {} })
  await first.source.stop()
  const { notAfter } = first.source.authority().info
  await using setup = await startTestSource(notAfter - left, folder)
  const entry = {
    level: 'warn',
    message:
      'the certificate authority expires soon: create a new one with `snailpass tls renew --authority`, which every device has to install',
    until: '2036-11-22',
  }
  const warnings = () => setup.entries().filter(({ level }) => level === 'warn')
  expect(warnings()).toEqual(isAnnounced ? [entry] : [])
  await setup.check(minute)
  await setup.check(minute)
  expect(warnings()).toEqual([entry])
})

test('a name that the authority does not permit is announced again once it has been away', async () => {
  await using setup = await startTestSource()
  const { deps, names } = setup
  let hostname = 'nas'
  const renamed = { ...deps, wanted: () => ({ hostname, own: names.own, requested: [] }) }
  const { log, listEntries } = createTestLog()
  await setup.source.stop()
  const source = await startLocalSource({ ...renamed, log })
  const pass = async () => {
    expect(await setup.timing.nextWait()).toBe(2 * second)
    setup.timing.endWait(minute)
    await setup.timing.nextWait()
  }
  const warnings = () => listEntries('warn').map(({ names: list }) => list)
  expect(warnings()).toEqual(['nas'])
  await pass()
  expect(warnings()).toEqual(['nas'])
  hostname = 'pi'
  await pass()
  hostname = 'nas'
  await pass()
  expect(warnings()).toEqual(['nas', 'nas'])
  await source.stop()
})

test('a fault that comes back after a repair is logged again', async () => {
  await using setup = await startTestSource()
  const { authorityCert } = setup.deps.folder
  const good = readFileSync(authorityCert)
  const reasons = () => setup.listEntries('error').map(({ reason }) => reason)
  const reason = `${authorityCert} contains no certificate`
  writeFileSync(authorityCert, 'nonsense')
  await setup.check(2 * second)
  await setup.check(2 * second)
  expect(reasons()).toEqual([reason])
  writeFileSync(authorityCert, good)
  await setup.check(2 * second)
  writeFileSync(authorityCert, 'nonsense')
  await setup.check(2 * second)
  expect(reasons()).toEqual([reason, reason])
})

test('a certificate is not issued for names that were asked for twice, or are not permitted', async () => {
  await using setup = await startTestSource()
  const { leaf } = await ensureLocalCertificates(
    {
      ...setup.deps,
      wanted: () => ({
        hostname: 'pi',
        own: ['pi', 'example.org', 'pi.local'],
        requested: ['pi.local', 'nas.local'],
      }),
    },
    { renew: 'leaf' },
  )
  expect(leaf.info.names).toEqual(['pi', 'pi.local', 'nas.local'])
})

describe('the lock of the folder', () => {
  /** Returns a folder, and waits that are recorded and take no time. */
  function createTestLock() {
    const temporary = temporaryFolder()
    const waits: number[] = []
    return {
      folder: tlsFolder(join(temporary.path, 'tls')),
      waits,
      wait: async (milliseconds: number) => void waits.push(milliseconds),
      [Symbol.dispose]: temporary[Symbol.dispose],
    }
  }

  test('is waited for at most ten seconds, every 50 ms', async () => {
    using setup = createTestLock()
    const { folder, wait, waits } = setup
    let isDone = false
    await withTlsFolderLock(folder, wait, async () => {
      expect(waits).toEqual([])
      expect(
        await captureError(
          withTlsFolderLock(folder, wait, async () => {
            isDone = true
          }),
        ),
      ).toMatchObject({
        code: 'conflict',
        message: `another snailpass process is using ${folder.path}`,
        hint: 'retry when it is done',
      })
    })
    expect(isDone).toBeFalse()
    expect(waits).toEqual(Array(200).fill(50))
  })

  test('is given back after the work, also when that fails', async () => {
    using setup = createTestLock()
    const { folder, wait } = setup
    const bug = new TypeError('x')
    expect(await captureError(withTlsFolderLock(folder, wait, () => Promise.reject(bug)))).toBe(bug)
    const lock = acquireFileLock(folder.lock)
    expect(lock).not.toBeNull()
    lock?.release()
    expect(await withTlsFolderLock(folder, wait, async () => 7)).toBe(7)
  })

  test('of a folder that can not be created is an error of this machine', async () => {
    using setup = createTestLock()
    writeFileSync(setup.folder.path, 'in the way')
    expect(
      await captureError(withTlsFolderLock(setup.folder, setup.wait, async () => 7)),
    ).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(setup.folder.path),
    })
  })
})
