import { describe, expect, test } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { createAccount } from '../support/accounts'
import { executable, run, serve, temporaryFolder, untilLogged } from '../support/executable'
import { hasMountNamespaces, runMounted } from '../support/mount-namespace'
import { until } from '../support/until'

/** Creates a data folder with a database. */
async function createData() {
  const folder = temporaryFolder()
  const dataDir = join(folder.path, 'data')
  await createAccount({ dataDir }, 'owner')
  return {
    dataDir,
    at: (name: string) => join(folder.path, name),
    on: (args: readonly string[], environment: Record<string, string> = {}) =>
      run([...args, '--data-dir', dataDir], { environment, killAfter: 20_000 }),
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

/** Mounts, of which `/mnt/stick` is a disk, and `/mnt/empty` and `/media/ann/stick` are mount points without one. */
const mounts = `mount -t tmpfs none /mnt; mount -t tmpfs none /media
  mkdir /mnt/empty /mnt/stick /mnt/used /media/ann /media/ann/stick; : > /mnt/used/file
  mount -t tmpfs none /mnt/stick; mkdir -m 700 /mnt/stick/empty`

describe.skipIf(!hasMountNamespaces)('a backup to another disk', () => {
  const unmounted = (path: string) => `${path} is empty, and no disk is mounted there`

  test('works in a folder that is there, or below one, and nowhere else', async () => {
    using data = await createData()
    const places: [to: string, error: string | null][] = [
      ['/mnt/stick/', null],
      ['/mnt/stick/new/', null],
      ['/mnt/stick/empty/new/', null],
      ['/mnt/used/new/', null],
      ['/mnt/stick/a/b/', "/mnt/stick/a/b can't be created: /mnt/stick/a does not exist"],
      [
        '/mnt/stick/a/b/file.sqlite',
        "/mnt/stick/a/b can't be created: /mnt/stick/a does not exist",
      ],
      ['/mnt/empty/', `the backup folder ${unmounted('/mnt/empty')}`],
      ['/mnt/empty/file.sqlite', `the backup folder ${unmounted('/mnt/empty')}`],
      ['/mnt/empty/new/', `/mnt/empty/new can't be created: ${unmounted('/mnt/empty')}`],
      [
        '/media/ann/stick/new/',
        `/media/ann/stick/new can't be created: ${unmounted('/media/ann/stick')}`,
      ],
    ]
    for (const [to, error] of places) {
      const result = await runMounted(mounts, ['backup', '--data-dir', data.dataDir, '--to', to])
      if (error === null) {
        expect(result, to).toMatchObject({ code: 0, stdout: expect.stringContaining(to) })
      } else {
        expect(result, to).toMatchObject({ code: 1, stdout: '' })
        expect(result.stderr).toStartWith(`error: ${error}\nhint: mount `)
      }
    }
  }, 300_000)

  test.each([
    ['/mnt/stick/missing', 'does not exist'],
    ['/mnt/missing', 'does not exist'],
    ['/mnt/empty', 'is empty, and no disk is mounted there'],
    ['/mnt/used/file', 'is not a folder'],
  ])('is not written to the folder of the settings %s, which %s', async (path, problem) => {
    using data = await createData()
    const script = `${mounts}; export SNAILPASS_BACKUP_DIR=${path}`
    const check = `"$0" backup list "$@" 2>&1 || true; "$0" doctor "$@" || true; ls -d ${path}/* || true`
    const backup = await runMounted(script, ['backup', '--data-dir', data.dataDir])
    expect(backup).toMatchObject({ code: 1, stdout: '' })
    expect(backup.stderr).toStartWith(`error: the backup folder ${path} ${problem}\nhint: `)
    const { stdout, stderr } = await runMounted(`${script}; ${check}; exit 0`, [
      '--data-dir',
      data.dataDir,
    ])
    expect(stdout).toContain(`     what: the backup folder ${path} ${problem}\n`)
    expect(stderr).toMatch(/^ls: cannot access/)
  })
})

test('a running server does not create its backup folder, and tells of it everywhere until it is there', async () => {
  using data = await createData()
  const backups = data.at('stick/backups')
  const environment = { SNAILPASS_BACKUP_DIR: backups, SNAILPASS_SIGNUPS: 'invited' }
  const problem = `the backup folder ${backups} does not exist`
  await using server = await serve(data.dataDir, environment)
  const warnings = async () => (await (await fetch(new URL('/readyz', server.url))).json()).warnings
  await until(async () => (await warnings()) !== undefined, 'a warning', { interval: 50 })
  expect(await warnings()).toEqual([{ kind: 'backup_folder', detail: problem }])
  await untilLogged(server, `error ${problem}: no backup can be written`)
  const health = await run(['healthcheck', '--listen', server.url.host])
  expect(health.stderr).toBe(`warning: backup_folder: ${problem}\n`)
  const doctor = async () =>
    JSON.parse((await data.on(['doctor', '--json'], environment)).stdout).checks.find(
      ({ name }: { name: string }) => name === 'backups',
    )
  expect((await doctor()).findings.map(({ what }: { what: string }) => what)).toEqual([
    problem,
    'there is no verified backup yet',
  ])
  // What the schedule runs.
  expect((await data.on(['backup', '--prune'], environment)).code).toBe(1)
  expect(existsSync(data.at('stick'))).toBeFalse()
  // Before a deletion, a backup is made all the same.
  const deletion = await data.on(['user', 'delete', 'owner@nas.local', '--yes'], environment)
  expect(deletion.code).toBe(0)
  expect(deletion.stdout + deletion.stderr).toContain(join(data.dataDir, 'backups'))

  mkdirSync(backups, { recursive: true, mode: 0o700 })
  expect((await data.on(['backup'], environment)).code).toBe(0)
  // A backup on another disk, which is unplugged afterwards.
  expect((await data.on(['backup', '--to', data.at('other/')], environment)).code).toBe(0)
  rmSync(data.at('other'), { recursive: true })
  expect(await doctor()).toMatchObject({
    fact: expect.stringMatching(
      /^the newest backup is .*\/stick\/backups\/.*; note: .* on the same disk/,
    ),
    findings: [],
  })
  await server.end('SIGTERM')
  await using next = await serve(data.dataDir, environment)
  const ready = await fetch(new URL('/readyz', next.url))
  expect(await ready.json()).toEqual({ status: 'ready' })
}, 300_000)

test('what is no regular file is refused as a backup at once, and does not disturb the backup folder', async () => {
  using data = await createData()
  const folder = data.at('backups')
  mkdirSync(folder, { mode: 0o700 })
  const environment = { SNAILPASS_BACKUP_DIR: folder, SNAILPASS_BACKUP_KEEP: '0 daily' }
  const good = (await data.on(['backup'], environment)).stdout.trim()
  const at = (name: string) => join(folder, `snailpass-2026112${name}`)
  const pipes = [at('1T020000Z.sqlite'), at('2T020000Z.sqlite.age'), at('3T020000Z.sqlite.partial')]
  expect(Bun.spawnSync(['mkfifo', ...pipes]).success).toBeTrue()
  for (const name of ['4T020000Z.sqlite', '5T020000Z.sqlite.partial']) mkdirSync(at(name))
  symlinkSync('/dev/zero', at('6T020000Z.sqlite'))
  symlinkSync(data.at('missing'), at('7T020000Z.sqlite'))
  for (const [path, message, code] of [
    [pipes[0], 'is a named pipe, not a backup', 1],
    [pipes[1], 'is a named pipe, not a backup', 1],
    [at('4T020000Z.sqlite'), 'is a folder, not a backup', 1],
    [at('6T020000Z.sqlite'), 'is a device, not a backup', 1],
    [at('7T020000Z.sqlite'), 'is a link to a file that does not exist', 3],
  ] as const)
    for (const command of [
      ['backup', 'verify'],
      ['restore', '--yes'],
    ]) {
      const refused = await data.on([...command, path ?? ''])
      expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code, stdout: '' })
      expect(refused.stderr).toStartWith(`error: ${path} ${message}\nhint: `)
    }
  const { code, stdout } = await data.on(['backup', 'list', '--json'], environment)
  const listed: { file: string; is_complete: boolean }[] = JSON.parse(stdout)
  expect({ code, count: listed.length }).toEqual({ code: 0, count: 8 })
  expect(listed.filter(({ is_complete }) => is_complete).map(({ file }) => file)).toEqual([good])
  const before = readdirSync(folder).length
  const pruned = await data.on(['backup', '--prune'], environment)
  expect(pruned).toMatchObject({ code: 0, stderr: expect.stringContaining(`Removed: ${good}\n`) })
  expect(readdirSync(folder)).toHaveLength(before)
}, 300_000)

test('a backup that other users can change is told', async () => {
  using data = await createData()
  const folder = data.at('shared')
  mkdirSync(folder)
  for (const [mode, warning] of [
    [0o755, ''],
    [0o777, 'warning: other users can change this backup: all users can write there\n'],
  ] as const) {
    chmodSync(folder, mode)
    const { code, stderr } = await data.on(['backup', '--to', folder])
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(new RegExp(`^Backup written and verified .*:\n${warning}$`)),
    })
  }
}, 300_000)

test('a literal ~ and other unclear paths are refused as in the settings', async () => {
  using data = await createData()
  for (const to of ['~/backups/', '~', '', '"/mnt/usb"', '/mnt/usb ', '/mnt/~ann/x']) {
    const result = await data.on(['backup', `--to=${to}`])
    expect({ to, code: result.code, stdout: result.stdout }).toEqual({ to, code: 2, stdout: '' })
    expect(result.stderr).toStartWith(`error: invalid --to "${to}": not a file or folder`)
  }
}, 300_000)

const strace = Bun.which('strace')

describe.skipIf(strace === null)('a file system', () => {
  /** Runs a command for whose calls on these paths the system answers an error. */
  const runInjected = (
    { call, error, paths }: { call: string; error: string; paths: readonly string[] },
    args: readonly string[],
  ) =>
    run(args, {
      program: [
        ...[strace ?? '', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`],
        ...['-e', `inject=${call}:error=${error}`, ...paths.flatMap((path) => ['-P', path])],
        executable,
      ],
      killAfter: 50_000,
    })

  test.each([
    ['fcntl', 'ENOLCK'],
    ['fcntl', 'EOPNOTSUPP'],
    ['fsync', 'EINVAL'],
    ['fsync', 'ENOSYS'],
  ])(
    'that refuses %s with %s takes a backup, which can be verified there',
    async (call, error) => {
      using data = await createData()
      const folder = data.at('nas')
      const file = join(folder, 'a.sqlite')
      const paths = [folder, file, `${file}.partial`, join(folder, '.snailpass.lock')]
      const on = (...args: string[]) =>
        runInjected({ call, error, paths }, [...args, '--data-dir', data.dataDir])
      expect(await on('backup', '--to', file)).toMatchObject({ code: 0, stdout: `${file}\n` })
      expect(await on('backup', 'verify', file)).toMatchObject({
        ...{ code: 0, stdout: expect.stringMatching(/\nverified: \d+ accounts?, .+\n$/) },
      })
      // A draft may be of a process that is running, if locks don't tell.
      expect(readdirSync(folder).sort()).toEqual(['.snailpass.lock', 'a.sqlite'])
    },
    300_000,
  )

  test('that fails is no file system that refuses', async () => {
    using data = await createData()
    const file = data.at('a.sqlite')
    const injected = { call: 'fsync', error: 'EIO', paths: [`${file}.partial`] }
    const result = await runInjected(injected, ['backup', '--to', file, '--data-dir', data.dataDir])
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toContain("can't be written: EIO")
    expect(existsSync(file)).toBeFalse()
  }, 300_000)

  test.each(['ENOLCK', 'EOPNOTSUPP'])(
    'that refuses locks in the data folder with %s is told as that',
    async (error) => {
      using data = await createData()
      const paths = [join(data.dataDir, 'server.lock')]
      const result = await runInjected({ call: 'fcntl', error, paths }, [
        ...['serve', '--listen', '127.0.0.1:0', '--data-dir', data.dataDir],
      ])
      expect(result.code).toBe(1)
      expect(result.stderr).toContain('ENOLCK: the file system has no file locks')
      expect(result.stderr).not.toContain('another snailpass process')
    },
    300_000,
  )
})
