import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { version } from '../../src/version'
import { run, temporaryFolder } from '../support/executable'
import { runServiceInstall } from '../support/installed-service'
import { createSigningKey, type SigningKey } from '../support/minisign'
import { buildNextVersion } from '../support/next-version'
import { buildWithKeys, createSignedRelease, signRelease } from '../support/signed-release'

const folder = temporaryFolder()
afterAll(folder[Symbol.dispose])
const path = (name: string) => join(folder.path, name)
const old = path('old')
const release = path('release')
const tarball = `snailpass-99.0.0-${process.platform}-${process.arch}.tar.gz`
let keys: readonly [SigningKey, SigningKey]
/** Serves the release; a test may have it answer in another way. */
let answer: (name: string) => Response | Promise<Response>
const serveFile = (name: string) => {
  const file = Bun.file(join(release, name))
  return existsSync(join(release, name)) ? new Response(file) : new Response(null, { status: 404 })
}
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: ({ url }) => answer(new URL(url).pathname.slice(1)),
})
afterAll(() => void server.stop(true))

beforeAll(async () => {
  chmodSync(folder.path, 0o755)
  keys = [await createSigningKey(), await createSigningKey()]
  await buildWithKeys(old, { keys, place: server.url.href })
  await buildNextVersion(path('next'), keys.map(({ publicKey }) => publicKey).join(' '))
  mkdirSync(release)
  const target = `${process.platform}-${process.arch}`
  await createSignedRelease(release, path('next'), { version: '99.0.0', target, keys })
}, 300_000)

/** Installs the old version below a folder of its own, with one account. */
async function createInstallation() {
  answer = serveFile
  const installed = temporaryFolder()
  chmodSync(installed.path, 0o755)
  const prefix = join(installed.path, 'prefix')
  const program = join(prefix, 'bin', 'snailpass')
  const config = ['--config', join(prefix, 'etc', 'snailpass', 'snailpass.env')]
  expect(await runServiceInstall(old, prefix)).toMatchObject({ code: 0 })
  const created = await run(['service', 'step', 'create', ...config], { program: [program] })
  expect(created).toMatchObject({ code: 0 })
  const add = ['user', 'add', 'owner@example.org', '--password-stdin', ...config]
  const added = await run(add, { stdin: 'a-long-password', program: [program] })
  expect(added).toMatchObject({ code: 0 })
  return {
    prefix,
    program,
    update: (...args: string[]) => run(['update', ...args], { program: [program] }),
    version: async () =>
      /^snailpass (\S+)/.exec((await run(['--version'], { program: [program] })).stdout)?.[1],
    /** The accounts, as the installed version reads them. */
    users: async () => (await run(['user', 'list', ...config], { program: [program] })).stdout,
    /** What is left beside the installation. */
    leftovers: () => (existsSync(join(prefix, 'lib')) ? readdirSync(join(prefix, 'lib')) : []),
    [Symbol.dispose]: installed[Symbol.dispose],
  }
}

/** Fails unless the old version is installed, works, and nothing is left of an update. */
async function expectUnchanged(installation: Awaited<ReturnType<typeof createInstallation>>) {
  expect(await installation.version()).toBe(version)
  expect(await installation.users()).toContain('owner@example.org')
  expect(installation.leftovers()).toEqual([])
}

describe('snailpass update', () => {
  test('installs the newest release from the place of the build, and then finds nothing newer', async () => {
    using installation = await createInstallation()
    const { prefix, program } = installation
    const checked = await installation.update('--check')
    expect(checked).toEqual({
      code: 5,
      stdout: `SnailPass 99.0.0 of 2026-12-01 is available; this is ${version}\n`,
      stderr: '',
    })
    await expectUnchanged(installation)
    // What an update that was killed has left.
    mkdirSync(join(prefix, 'lib', 'snailpass-update', 'x'), { recursive: true })
    const updated = await installation.update()
    expect(updated).toMatchObject({ code: 0 })
    expect(updated.stderr).toContain(
      `release 99.0.0 of 2026-12-01: the signature is valid; getting ${tarball}\n`,
    )
    expect(updated.stderr).toContain('upgraded to 99.0.0 (next, ')
    expect(await installation.version()).toBe('99.0.0')
    expect(await installation.users()).toContain('owner@example.org')
    expect(installation.leftovers()).toEqual([])
    // The same release again, by the old executable in place of the new one.
    cpSync(old, program)
    const again = await run(['update', '--check', '--json', '--version', '99.0.0'], {
      program: [program],
    })
    expect(JSON.parse(again.stdout)).toEqual({
      status: 'update_available',
      version,
      release_version: '99.0.0',
      release_date: '2026-12-01',
      from: server.url.href,
    })
  }, 300_000)

  test('takes a folder the same way', async () => {
    using installation = await createInstallation()
    answer = () => new Response(null, { status: 500 })
    expect(await installation.update('--from', release, '--version', '99.0.0')).toMatchObject({
      code: 0,
    })
    expect(await installation.version()).toBe('99.0.0')
    expect(installation.leftovers()).toEqual([])
  }, 300_000)

  test('refuses a release that is damaged, old or of another system, and changes nothing', async () => {
    using installation = await createInstallation()
    const refuses = async (message: string, change: (path: string) => Promise<void> | void) => {
      using other = temporaryFolder()
      const copy = join(other.path, 'release')
      cpSync(release, copy, { recursive: true })
      await change(copy)
      const { code, stderr } = await installation.update('--from', copy)
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(message) })
      expect(stderr).toContain('\nhint: ')
    }
    const comment = 'snailpass 99.0.0 2026-12-01'
    await refuses(`${tarball} does not match SHA256SUMS`, (copy) =>
      appendFileSync(join(copy, tarball), 'x'),
    )
    await refuses(`there is no ${tarball} at `, (copy) => rmSync(join(copy, tarball)))
    await refuses('is not signed', (copy) => rmSync(join(copy, 'SHA256SUMS.minisig')))
    await refuses('SHA256SUMS does not match its signature', (copy) =>
      appendFileSync(join(copy, 'SHA256SUMS'), '\n'),
    )
    await refuses('signed with the unknown key', async (copy) =>
      signRelease(copy, await createSigningKey(), comment),
    )
    await refuses(`release 0.0.1 is older than this version, ${version}`, (copy) =>
      signRelease(copy, keys[1], 'snailpass 0.0.1 2026-01-01'),
    )
    await refuses('the signature is for version 99.0.1', (copy) =>
      signRelease(copy, keys[0], 'snailpass 99.0.1 2026-12-02'),
    )
    // Signed as a mistake of the publisher: another program, one of another version, and one that does not run here.
    const packing = async (copy: string, script: string, released = '99.0.0') => {
      const program = join(copy, 'program')
      writeFileSync(program, script, { mode: 0o755 })
      rmSync(join(copy, tarball))
      const target = `${process.platform}-${process.arch}`
      await createSignedRelease(copy, program, { version: released, target, keys })
    }
    await refuses('release 99.0.0 contains version 98.0.0', (copy) =>
      packing(copy, '#!/bin/sh\necho "snailpass 98.0.0 (x, y)"\n'),
    )
    await refuses('does not run on this system: a library is missing', (copy) =>
      packing(copy, '#!/bin/sh\necho a library is missing >&2\nexit 1\n'),
    )
    await refuses('snailpass', (copy) => packing(copy, '\u007fELF of another machine'))
    await expectUnchanged(installation)
  }, 300_000)

  test('restores the old version if the new one fails', async () => {
    using installation = await createInstallation()
    const { prefix } = installation
    writeFileSync(join(prefix, 'etc', 'snailpass', 'FAULT'), 'migration')
    const { code, stderr } = await installation.update()
    expect({ code, stderr }).toMatchObject({ code: 1 })
    expect(stderr).toContain('a migration with a fault')
    expect(stderr).toContain('and its database\n')
    await expectUnchanged(installation)
  }, 300_000)

  // Two of them tell most; `TEST_KILLS=all` tries the others as well.
  const installing = 'the new version passed its test'
  const otherMoments = ['upgrading from ', 'backup: ', installing]
  const moments = ['getting snailpass-', 'testing the new version']
  test.each(process.env['TEST_KILLS'] === 'all' ? [...moments, ...otherMoments] : moments)(
    'that is killed with all that it runs at "%s" works when it is run again',
    async (text) => {
      using installation = await createInstallation()
      let isKilled = false
      // The first download never ends by itself.
      answer = (name) =>
        name === tarball && text.startsWith('getting') && !isKilled
          ? new Response(new ReadableStream({ pull: () => new Promise(() => {}) }))
          : serveFile(name)
      await killAt(installation.program, text)
      isKilled = true
      // It is installed right after that line, perhaps before the kill.
      const possible = text === installing ? [version, '99.0.0'] : [version]
      expect(possible).toContain((await installation.version()) ?? 'none')
      const again = await installation.update('--from', server.url.href)
      expect(again).toMatchObject({ code: 0 })
      expect(await installation.version()).toBe('99.0.0')
      expect(await installation.users()).toContain('owner@example.org')
      expect(installation.leftovers()).toEqual([])
    },
    300_000,
  )

  test('refuses to run twice at the same time', async () => {
    using installation = await createInstallation()
    const asked = Promise.withResolvers<void>()
    const stall = Promise.withResolvers<void>()
    answer = async (name) => {
      if (name !== tarball) return serveFile(name)
      asked.resolve()
      await stall.promise
      return serveFile(name)
    }
    const first = installation.update()
    await asked.promise
    expect(await installation.update()).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('error: another update is running\n'),
    })
    stall.resolve()
    expect(await first).toMatchObject({ code: 0 })
  }, 300_000)

  test('by an executable that was not installed, or a build without keys, says what to do', async () => {
    const foreign = await run(['update'], { program: [old] })
    expect(foreign).toMatchObject({ code: 1, stdout: '' })
    expect(foreign.stderr).toStartWith(`error: ${old} was not installed by `)
    expect(foreign.stderr).toContain('hint: `snailpass update --check` tells whether')
    expect(await run(['update', '--json'], { program: [old] })).toMatchObject({ code: 2 })
    for (const args of [['update'], ['update', '--check'], ['version', '--keys']]) {
      const { code, stderr } = await run(args)
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(/^error: this build has no public keys, .*\nhint: /),
      })
    }
    const lines = `${keys[0].publicKey}\n${keys[1].publicKey}\n`
    expect(await run(['version', '--keys'], { program: [old] })).toMatchObject({
      code: 0,
      stdout: lines,
    })
  })

  const isRoot = process.getuid?.() === 0
  test.skipIf(!isRoot)(
    'on a full disk, or in the folder of another user, changes nothing',
    async () => {
      using installation = await createInstallation()
      const { prefix, program } = installation
      mkdirSync(join(prefix, 'lib'), { recursive: true })
      const full = await run(['update'], {
        program: [
          ...['unshare', '-m', 'sh', '-c'],
          `mount -t tmpfs -o size=20m none '${prefix}/lib' && exec '${program}' "$@"`,
          'sh',
        ],
      })
      expect(full).toMatchObject({ code: 1 })
      expect(full.stderr).toMatch(/error: nothing was installed: ENOSPC: .*\nhint: free 600 MB on /)
      await expectUnchanged(installation)

      const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
      const denied = await run(['update'], { program: [...nobody, program] })
      expect(denied).toMatchObject({ code: 1 })
      expect(denied.stderr).toMatch(
        /error: nothing was installed: EACCES: .*\nhint: run it as root: sudo .* update\n/,
      )
      await expectUnchanged(installation)
    },
    300_000,
  )
})

/** Runs an update that is killed together with its children once a text has appeared on stderr. */
async function killAt(program: string, text: string): Promise<void> {
  // setsid makes it the leader of a group of processes.
  const child = Bun.spawn(['setsid', program, 'update'], {
    env: { PATH: process.env['PATH'], SNAILPASS_CONFIG: '/dev/null' },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
  })
  let seen = ''
  for await (const more of child.stderr.pipeThrough(new TextDecoderStream())) {
    seen += more
    if (seen.includes(text)) process.kill(-child.pid, 'SIGKILL')
  }
  await child.exited
  expect(seen).toContain(text)
  expect(child.signalCode).toBe('SIGKILL')
}
