import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { settingKeys, settingTable } from '../../src/config/settings'
import { version } from '../../src/version'
import { signUpAndLogIn } from '../support/client'
import { executable, run, serve, temporaryFolder } from '../support/executable'
import { createReleaseFolder, currentTarget, runServiceInstall } from '../support/installed-service'
import { waitForExit } from '../support/wait-for-exit'

const root = join(import.meta.dir, '..', '..')
const isRoot = process.getuid?.() === 0

interface Call {
  /** Shell scripts, by their names, that replace programs of this machine. */
  fakePrograms?: Readonly<Record<string, string>>
  script?: string
  shell?: readonly string[]
  /** Whether to run it as a user who is not root. */
  asNobody?: boolean
}

/** Runs install.sh as a person would. */
async function installSh(args: readonly string[], call: Call = {}) {
  using folder = temporaryFolder()
  chmodSync(folder.path, 0o755)
  for (const [name, text] of Object.entries(call.fakePrograms ?? {})) {
    writeFileSync(join(folder.path, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  }
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const command = [
    ...(call.asNobody === true && isRoot ? nobody : []),
    ...(call.shell ?? ['sh']),
    call.script ?? join(root, 'install.sh'),
    ...args,
  ]
  const child = Bun.spawn(command, {
    cwd: '/',
    env: { PATH: `${folder.path}:${process.env['PATH']}`, HOME: folder.path },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  return await waitForExit(child)
}

describe('install.sh with a release', () => {
  const folder = temporaryFolder()
  const release = join(folder.path, 'release')
  // With the real executable, and once for all tests: none of them changes it.
  beforeAll(async () => {
    mkdirSync(release)
    await createReleaseFolder(release, executable, { version, targets: [currentTarget()] })
  }, 300_000)
  afterAll(folder[Symbol.dispose])

  const shells = [
    ['dash', '-e'],
    ['busybox', 'sh'],
  ].filter(([name = '']) => Bun.which(name) !== null)
  // `TEST_SIEGE=whole` does everything with each shell.
  const otherShell = shells.at(-1) ?? ['sh']
  const isWhole = process.env['TEST_SIEGE'] === 'whole'

  test.each(isWhole ? shells : shells.slice(0, 1))(
    'installs below a folder and uninstalls, but keeps the data, run by %s',
    async (...shell) => {
      using installFolder = temporaryFolder()
      const prefix = join(installFolder.path, 'pre fix')
      const script = join(release, 'install.sh')
      const result = await installSh(['--prefix', prefix], { script, shell })
      expect(result).toMatchObject({ code: 0 })
      const program = join(prefix, 'bin', 'snailpass')
      const settingsFile = join(prefix, 'etc', 'snailpass', 'snailpass.env')
      expect(result.stderr).toContain(
        `Start it with:\n  '${program}' serve --config '${settingsFile}'\n`,
      )
      expect(result.stdout).toMatch(/^(?:http:\/\/\S+:5000\/\n)+$/)
      const dataDir = join(prefix, 'var', 'lib', 'snailpass')
      expect(statSync(dataDir).mode & 0o777).toBe(0o700)
      expect(statSync(settingsFile).mode & 0o777).toBe(0o600)
      {
        await using server = await serve(dataDir, {}, ['--config', settingsFile], [program])
        await signUpAndLogIn(server.url, 'owner')
        await server.end('SIGTERM')
      }
      const again = await installSh(['--from', release, '--prefix', prefix], { shell })
      expect(again).toMatchObject({ code: 0 })
      expect(again.stderr).toContain(' is already installed\n')

      const uninstalled = await installSh(['--uninstall', '--prefix', prefix], { shell })
      expect(uninstalled.code).toBe(0)
      expect(uninstalled.stdout).toBe(`${dataDir}\n${settingsFile}\n`)
      expect(existsSync(program)).toBeFalse()
      expect(readdirSync(dataDir)).toContain('snailpass.db')
    },
    300_000,
  )

  test(`downloads the release from a web server, run by ${otherShell[0]}`, async () => {
    using installFolder = temporaryFolder()
    using server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: ({ url }) => new Response(Bun.file(join(release, new URL(url).pathname))),
    })
    const prefix = join(installFolder.path, 'prefix')
    const { code, stderr } = await installSh(['--from', server.url.href, '--prefix', prefix], {
      shell: otherShell,
    })
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stderr).toMatch(/ matches SHA256SUMS, .* does not show who made it\n/)
    expect(existsSync(join(prefix, 'bin', 'snailpass'))).toBeTrue()
  }, 300_000)
})

test('install.sh runs nothing if its download is cut off anywhere', async () => {
  using folder = temporaryFolder()
  const ran = join(folder.path, 'ran')
  const programs = join(folder.path, 'programs')
  mkdirSync(programs)
  for (const name of [
    'id',
    'uname',
    'curl',
    'wget',
    'mktemp',
    'tr',
    'sed',
    'cat',
    'rm',
    'dirname',
  ]) {
    writeFileSync(join(programs, name), `#!/bin/sh\n: >'${ran}'\n`, { mode: 0o755 })
  }
  const text = readFileSync(join(root, 'install.sh'), 'utf8')
  const lastLine = text.lastIndexOf('\n', text.length - 2) + 1
  const lineEnds = [...text.matchAll(/\n/g)].map(({ index }) => index + 1)
  const lengths = [
    ...lineEnds.filter((end) => end <= lastLine),
    ...rangeOf(lastLine, text.length - 2),
  ]
  expect(lengths.length).toBeGreaterThan(200)
  const runCut = (length: number) =>
    Bun.spawnSync(['/bin/sh', '-s', '--', '--from', root, '--prefix', folder.path], {
      env: { PATH: programs },
      stdin: new Blob([text.slice(0, length)]),
      stdout: 'pipe',
    })
  for (const length of lengths) {
    expect(runCut(length).stdout.toString(), `after ${length} characters`).toBe('')
    expect(existsSync(ran), `after ${length} characters`).toBeFalse()
  }
  runCut(text.length)
  expect(existsSync(ran)).toBeTrue()
}, 300_000)

/** Returns the whole numbers from `first` to `last`. */
function rangeOf(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

describe('install.sh refuses', () => {
  const folder = temporaryFolder()
  const release = join(folder.path, 'release')
  const ran = join(folder.path, 'ran')
  beforeAll(async () => {
    mkdirSync(release)
    const program = join(folder.path, 'program')
    writeFileSync(program, `#!/bin/sh\ntouch '${ran}'\n`, { mode: 0o755 })
    chmodSync(folder.path, 0o755)
    await createReleaseFolder(release, program, { version: '1.2.3', targets: [currentTarget()] })
  }, 300_000)
  afterAll(folder[Symbol.dispose])

  /** Fails unless install.sh prints this error, runs no program and creates nothing. */
  async function refuses(args: readonly string[], message: string, call: Call = {}, code = 1) {
    using installFolder = temporaryFolder()
    const prefix = join(installFolder.path, 'prefix')
    const refused = await installSh(['--prefix', prefix, ...args], call)
    expect(refused.stderr).toContain(message)
    expect(refused.stderr).toContain('\nhint: ')
    expect(refused.code).toBe(code)
    expect(existsSync(ran)).toBeFalse()
    expect(existsSync(prefix)).toBeFalse()
  }

  test('a tarball that does not match SHA256SUMS', async () => {
    using installFolder = temporaryFolder()
    const changed = join(installFolder.path, 'changed')
    cpSync(release, changed, { recursive: true })
    writeFileSync(join(changed, `snailpass-1.2.3-${currentTarget()}.tar.gz`), 'x', { flag: 'a' })
    await refuses(['--from', changed], 'does not match SHA256SUMS; nothing was installed')
  })

  test('a release that does not support this machine, and a version that it does not contain', async () => {
    await refuses(
      ['--from', release],
      `error: the release in ${release} does not support this machine: darwin-arm64\n`,
      { fakePrograms: { uname: 'case $1 in -s) echo Darwin;; *) echo arm64;; esac' } },
    )
    await refuses(['--from', release, '--version', '1.2.4'], ', version 1.2.4\nhint: it contains: ')
  })

  test.each([
    ['armv6l', '32'],
    ['armv7l', '32'],
    ['aarch64', '32'],
  ])('32-bit ARM: %s, %s bits', async (machine, bits) => {
    const uname = `case $1 in -s) echo Linux;; *) echo ${machine};; esac`
    await refuses(
      ['--from', release],
      `error: 32-bit ARM (${machine}) is not supported: the runtime of snailpass needs a 64-bit system\nhint: install a 64-bit Raspberry Pi OS`,
      { fakePrograms: { uname, getconf: `echo ${bits}` } },
    )
  })

  test.each([
    [['--nonsense'], 'error: unknown option --nonsense\n'],
    [['--from'], 'error: --from needs a value\n'],
    [['--purge'], 'error: --purge works only with --uninstall\n'],
  ])('%p as wrong usage', async (args, message) => {
    await refuses(args, message, {}, 2)
  })

  test.each([
    'http://example.org/snailpass',
    'HTTP://example.org',
    'http://192.168.1.5/',
    'http://localhost.example.org/',
    'http://127.0.0.1.example.org/',
    'http://127.0.0.1@example.org/',
    'http://127.0.0.1:80@example.org/',
    'http://localhost:80@example.org/',
    'http://[::1]:80@example.org/',
    'http://example.org/?http://localhost/',
    'http://example.org#@localhost/',
    'ftp://localhost/',
    'file:///srv/release',
    'https://',
  ])('a URL that is neither https nor of this machine: %s', async (url) => {
    const fakePrograms = { curl: `touch '${ran}'`, wget: `touch '${ran}'` }
    const message = `error: ${url} is not an https URL: `
    await refuses(['--from', url], message, { fakePrograms }, 2)
  })

  test('a redirect that leaves https, and a proxy for this machine', async () => {
    using folder = temporaryFolder()
    const calls = join(folder.path, 'calls')
    const curl = `echo "$http_proxy $*" >>'${calls}'; exit 1`
    const proxy = 'export http_proxy=http://proxy.example.org; exec sh "$@"'
    for (const url of ['https://example.org/x', 'http://127.0.0.1:1/']) {
      await refuses(['--from', url], `error: can't download ${url}`, {
        fakePrograms: { curl, 'proxied-sh': proxy },
        shell: ['proxied-sh'],
      })
    }
    const expected = (proxyUrl: string, protocol: string, url: string) =>
      `${proxyUrl} -fsSLg --proto =${protocol} --proto-redir =https ${url}/SHA256SUMS -o `
    const [first, second] = readFileSync(calls, 'utf8').split('\n')
    expect(first).toStartWith(
      expected('http://proxy.example.org', 'https', 'https://example.org/x'),
    )
    expect(second).toStartWith(expected('', 'http', 'http://127.0.0.1:1'))
  })

  test('a release in the folder of the caller, if it is read from a pipe', async () => {
    const child = Bun.spawn(['sh', '-s', '--', '--prefix', join(folder.path, 'prefix')], {
      cwd: release,
      stdin: Bun.file(join(root, 'install.sh')),
      stdout: 'pipe',
      stderr: 'pipe',
    })
    expect(await waitForExit(child)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: there is no release in the folder of this script\n/),
    })
    expect(existsSync(ran)).toBeFalse()
  })

  test('a list of versions without showing what could control a terminal', async () => {
    using other = temporaryFolder()
    const hash = '0'.repeat(64)
    writeFileSync(
      join(other.path, 'SHA256SUMS'),
      `${hash}  snailpass-1.2.3-plan9.tar.gz\n${hash}  snailpass-\u001b[2J\u009b\u202e.tar.gz\n`,
    )
    await refuses(['--from', other.path], 'hint: it contains: snailpass-1.2.3-plan9 \n')
    await refuses([`--\u001b[2J\n`], 'error: unknown option --[2J\n', {}, 2)
  })

  test('a user who is not root, without --prefix', async () => {
    using installFolder = temporaryFolder()
    chmodSync(installFolder.path, 0o755)
    const script = join(installFolder.path, 'install.sh')
    cpSync(join(root, 'install.sh'), script)
    const refused = await installSh(['--from', release], { script, asNobody: true })
    expect(refused.code).toBe(1)
    expect(refused.stderr).toStartWith('error: root is required\n')
    expect(existsSync(ran)).toBeFalse()
  })

  test('to uninstall if nothing is installed', async () => {
    using installFolder = temporaryFolder()
    const refused = await installSh(['--uninstall', '--prefix', installFolder.path])
    expect(refused.code).toBe(3)
    expect(refused.stderr).toStartWith('error: snailpass is not installed at ')
  })
})

describe('snailpass service', () => {
  test('writes a settings file with every setting, and never overwrites one', async () => {
    using folder = temporaryFolder()
    const prefix = join(folder.path, 'pre fix')
    expect((await runServiceInstall(executable, prefix)).code).toBe(0)
    const path = join(prefix, 'etc', 'snailpass', 'snailpass.env')
    const text = readFileSync(path, 'utf8')
    for (const key of settingKeys) expect(text).toContain(`${settingTable[key].name}=`)
    expect(text).toContain(`\nSNAILPASS_DATA_DIR="${prefix}/var/lib/snailpass"\n`)
    writeFileSync(path, `${text}SNAILPASS_LISTEN=127.0.0.1:5999\n`)
    const again = await runServiceInstall(executable, prefix)
    expect(again.stdout).toBe('http://127.0.0.1:5999/\n')
    expect(readFileSync(path, 'utf8')).toBe(`${text}SNAILPASS_LISTEN=127.0.0.1:5999\n`)
  }, 300_000)

  test('refuses invalid settings before it installs anything', async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'etc', 'snailpass', 'snailpass.env')
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, 'SNAILPASS_LISTEN=nonsense\n')
    const { code, stderr } = await runServiceInstall(executable, folder.path)
    expect(code).toBe(1)
    expect(stderr).toContain(
      `error: invalid SNAILPASS_LISTEN "nonsense" in ${path}: use HOST:PORT or unix:/PATH\nhint: `,
    )
    expect(existsSync(join(folder.path, 'bin'))).toBeFalse()
  })

  test('status tells whether it is installed, running and ready, also by its exit code', async () => {
    using folder = temporaryFolder()
    const prefix = folder.path
    const status = () => run(['service', 'status', '--prefix', prefix])
    expect((await status()).code).toBe(3)
    await runServiceInstall(executable, prefix)
    const path = join(prefix, 'etc', 'snailpass', 'snailpass.env')
    const dataDir = join(prefix, 'var', 'lib', 'snailpass')
    await using server = await serve(dataDir, {}, ['--config', path])
    writeFileSync(path, `SNAILPASS_LISTEN=127.0.0.1:${server.url.port}\n`)
    const ready = await status()
    expect(ready.code).toBe(0)
    expect(ready.stdout).toMatch(
      /^version {2}snailpass .+\nservice {2}none \(started manually\)\nready {4}yes\naddress {2}http:.+\n$/,
    )
    writeFileSync(path, `SNAILPASS_LISTEN=127.0.0.1:${server.url.port}\nSNAILPASS_TLS=x\n`)
    const mistaken = await status()
    expect(mistaken.code).toBe(0)
    expect(mistaken.stderr).toStartWith(
      'warning: the server runs, but its next start will fail: invalid SNAILPASS_TLS "x" in ',
    )
    await server.end('SIGTERM')
    const stopped = await status()
    expect(stopped.code).toBe(1)
    expect(stopped.stdout).toContain('\nready    no\n')
    expect(stopped.stderr).toStartWith('error: invalid SNAILPASS_TLS "x" in ')
    expect(stopped.stderr).toContain('\nerror: the server is not ready\nhint: ')
    writeFileSync(path, `SNAILPASS_LISTEN=127.0.0.1:${server.url.port}\n`)
    expect((await status()).stderr).toStartWith('error: the server is not ready\nhint: ')
  }, 300_000)

  test('uninstall --purge asks for confirmation, and removes the data as well', async () => {
    using folder = temporaryFolder()
    const prefix = folder.path
    await runServiceInstall(executable, prefix)
    const purge = ['service', 'uninstall', '--purge', '--prefix', prefix]
    const refused = await run(purge)
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('hint: use --yes to skip\n')
    expect(existsSync(join(prefix, 'var', 'lib', 'snailpass'))).toBeTrue()
    expect((await run([...purge, '--yes'])).code).toBe(0)
    for (const path of ['bin/snailpass', 'var/lib/snailpass', 'etc/snailpass', 'lib/snailpass']) {
      expect(existsSync(join(prefix, path)), path).toBeFalse()
    }
  }, 300_000)
})
