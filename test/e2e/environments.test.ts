import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createProgram } from '../../cli/program'
import { createAccount } from '../support/accounts'
import { listCommands } from '../support/commands'
import { executable, run, serve, temporaryFolder } from '../support/executable'
import { type MeasuredRun, startMeasuring } from '../support/measured-run'
import { hasMountNamespaces } from '../support/mount-namespace'
import { createAgeKeyPair } from '../support/test-database'

/**
 * Every command that works on a data folder, in an order in which all of them succeed. DIR is the data folder, BACKUP and
 * ENCRYPTED are backups in it, IDENTITY opens the second.
 */
const commands = [
  'user list',
  'user show owner@nas.local',
  'user add ann@nas.local --password-stdin',
  'user invite bob@nas.local',
  'user invitations',
  'user uninvite bob@nas.local',
  'user confirm ann@nas.local',
  'user disable ann@nas.local',
  'user enable ann@nas.local',
  'user logout ann@nas.local',
  'user devices owner@nas.local',
  'user history owner@nas.local',
  'mail list',
  'mail retry --dead',
  'backup',
  'backup --encrypt-to RECIPIENT --with-secrets',
  'backup --to DIR/new/',
  'backup list',
  'backup verify BACKUP',
  'backup verify ENCRYPTED --identity IDENTITY',
  'restore BACKUP --dry-run',
  'restore ENCRYPTED --identity IDENTITY --with-secrets --yes',
  'user delete owner@nas.local --yes',
  'audit',
  'audit verify',
  'audit prune',
  'key rotate',
  'tls renew',
  'tls show',
  'tls ca',
  'adopt',
  'config',
  'doctor',
  'copy sqlite:DIR/snailpass.db sqlite:DIR/other.db',
  'recreate-db --yes',
]

/** Commands that work on no data folder, on the system, without an end, on a running server, or on what only a client brings about; `serve` has tests of its own below. */
const others = [
  ...[
    'serve',
    'status',
    'completion',
    'help',
    'version',
    'healthcheck',
    'mail test',
    'user rename',
  ],
  'user undelete',
  'user restore-entry',
  ...['service install', 'service status', 'service uninstall', 'update'],
]

const isRoot = process.getuid?.() === 0
const unknownUser = 54_321
const pathOf = (program: string) => Bun.which(program) ?? program

/** Makes everything read-only but the data folder, which is the first argument. The executable is the second. */
const readOnlyScript = `data=$1 exe=$2; shift 2
  mount --make-rprivate /
  mount --bind "$data" /mnt
  while read -r _ _ _ _ point _; do
    case $point in /mnt | /proc* | /sys*) ;; *) mount -o remount,bind,ro "$point" 2>/dev/null || true ;; esac
  done </proc/self/mountinfo
  mount --bind /mnt "$data"
  cd /
  for folder in / /tmp /var/tmp /dev/shm; do
    if touch "$folder/$$" 2>/dev/null; then echo "$folder can be written" >&2; exit 9; fi
  done
  exec env -u HOME -u TMPDIR "$exe" "$@"`

/** A copy of the executable that every user may run. */
let publicFolder: ReturnType<typeof temporaryFolder>
beforeAll(() => {
  publicFolder = temporaryFolder()
  chmodSync(publicFolder.path, 0o755)
  copyFileSync(executable, join(publicFolder.path, 'snailpass'))
})
afterAll(() => publicFolder[Symbol.dispose]())

const measuring = startMeasuring()
afterAll(measuring[Symbol.dispose])

interface Environment {
  /** Returns what stands before the arguments of a command. */
  readonly prefix: (dataDir: string) => readonly string[]
  /** Whether the data folder belongs to the unknown user. */
  readonly isForUnknownUser: boolean
}

const fewFiles = (files: number): Environment => ({
  isForUnknownUser: isRoot,
  prefix: () => [
    ...(isRoot
      ? [pathOf('setpriv'), `--reuid=${unknownUser}`, `--regid=${unknownUser}`, '--clear-groups']
      : []),
    ...[pathOf('prlimit'), `--nofile=${files}`, pathOf('env'), '-u', 'HOME'],
    join(publicFolder.path, 'snailpass'),
  ],
})

const readOnly: Environment = {
  isForUnknownUser: false,
  prefix: (dataDir) => [
    ...[pathOf('unshare'), '--map-root-user', '--mount', pathOf('sh'), '-euc', readOnlyScript],
    ...['sh', dataDir, executable],
  ],
}

/** Creates a data folder with an account for an environment. */
async function createData({ prefix, isForUnknownUser }: Environment) {
  const folder = temporaryFolder()
  chmodSync(folder.path, 0o755)
  const dataDir = join(folder.path, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  await createAccount({ dataDir }, 'owner')
  const { recipient, file: identity } = await createAgeKeyPair(dataDir)
  if (isForUnknownUser) Bun.spawnSync(['chown', '-R', `${unknownUser}:${unknownUser}`, dataDir])
  return {
    dataDir,
    recipient,
    identity,
    prefix: prefix(dataDir),
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

/** Runs a command in an environment, with few variables. Returns what it printed and how much memory it needed, in bytes. */
function runIn(prefix: readonly string[], args: readonly string[]): Promise<MeasuredRun> {
  return measuring.run({
    command: [...prefix, ...args],
    environment: {
      PATH: process.env['PATH'] ?? '',
      SNAILPASS_CONFIG: '/dev/null',
      SNAILPASS_SIGNUPS: 'invited',
      // What the runtime reads from a control group that has 128 MB.
      BUN_JSC_forceRAMSize: '128000000',
    },
    stdin: 'eleven characters\n',
  })
}

/** Runs all commands in an environment. Returns what did not work. */
async function runAll(environment: Environment) {
  using data = await createData(environment)
  const { dataDir, recipient, identity, prefix } = data
  const backup = (end: string) => {
    const names = readdirSync(join(dataDir, 'backups'))
    return join(dataDir, 'backups', names.find((name) => name.endsWith(end)) ?? end)
  }
  const failures: object[] = []
  for (const command of commands) {
    const args = command.split(' ').map((part) => {
      if (part === 'BACKUP') return backup('.sqlite')
      if (part === 'ENCRYPTED') return backup('.age')
      return part
        .replace('DIR', dataDir)
        .replace('IDENTITY', identity)
        .replace('RECIPIENT', recipient)
    })
    const result = await runIn(prefix, [...args, '--data-dir', dataDir])
    const { code, stdout, stderr, memory } = result
    // The doctor finds that only few files may be open, and a backup beside an open database may need one more.
    const isTold = /^error: .*EMFILE.*\nhint: raise the number of files that may be open/m.test(
      stderr,
    )
    const works = command === 'doctor' ? !/^\?|bug/m.test(stdout + stderr) : code === 0
    if (!(works || isTold) || memory > 128e6) failures.push({ command, ...result })
  }
  return failures
}

test('the commands of these tests are all that there are', async () => {
  const known = [...commands, ...others]
  const missing = listCommands(await createProgram())
    .filter(({ command }) => command.commands.length === 0)
    .map(({ path }) => path.join(' '))
    .filter((name) => !known.some((command) => `${command} `.startsWith(`${name} `)))
  expect(missing).toEqual([])
})

const isLinux = process.platform === 'linux'

describe.skipIf(!isLinux)('every command works with a data folder and little memory', () => {
  test('for a user whom the system does not know, with 16 open files', async () => {
    expect(await runAll(fewFiles(16))).toEqual([])
  }, 300_000)

  test.skipIf(!hasMountNamespaces)(
    'on a read-only system without a temporary folder',
    async () => {
      expect(await runAll(readOnly)).toEqual([])
    },
    300_000,
  )

  test.skipIf(!hasMountNamespaces)(
    'on such a system, with more data than memory is kept for',
    async () => {
      using data = await createData(readOnly)
      const { dataDir, prefix } = data
      {
        using file = new Database(join(dataDir, 'snailpass.db'))
        file.run(`insert into users (id, email, master_password_hash, email_confirmed, session_epoch, creation_time, disabled)
          with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 20000)
          select 'id-' || n, n || '@nas.local', 'x', 1, 'e', 1, 0 from numbers`)
      }
      for (const args of [['key', 'rotate'], ['backup'], ['recreate-db', '--yes']]) {
        const { code, stderr } = await runIn(prefix, [...args, '--data-dir', dataDir])
        expect({ args, code, stderr }).toMatchObject({ code: 0 })
      }
    },
    300_000,
  )
})

describe.skipIf(!isLinux)('a server', () => {
  test.each([
    ['for a user whom the system does not know, with 32 open files', fewFiles(32), true],
    ['on a read-only system without a temporary folder', readOnly, hasMountNamespaces],
  ])(
    'works %s',
    async (_, environment, isPossible) => {
      if (!isPossible) return
      using data = await createData(environment)
      const settings = { PATH: process.env['PATH'] ?? '', SNAILPASS_LISTEN_TLS: '127.0.0.1:0' }
      await using server = await serve(data.dataDir, settings, [], data.prefix)
      expect(await (await fetch(new URL('/readyz', server.url))).json()).toEqual({
        status: 'ready',
      })
      const login = await fetch(new URL('/login', server.url), {
        headers: { authorization: `Basic ${btoa(`owner@nas.local:${btoa('hash of owner')}`)}` },
      })
      expect(login.status).toBe(200)
      expect(await server.end('SIGTERM')).toBe(0)
    },
    300_000,
  )

  test.each([
    ['serve', 31, 'the server needs 32'],
    ['user list', 15, 'this command needs 16'],
  ])('and a command say what is missing: %s with %i open files', async (command, files, text) => {
    using data = await createData(fewFiles(files))
    const result = await runIn(data.prefix, [...command.split(' '), '--data-dir', data.dataDir])
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr).toStartWith(
      `error: this process may open only ${files} files; ${text}\nhint: `,
    )
  })
})

test.skipIf(!isRoot)(
  'without a data folder, a user without a home folder is told to name one',
  async () => {
    const prefix = fewFiles(64).prefix('')
    const results = await Promise.all(
      ['serve', 'user list', 'backup list', 'restore x', 'config', 'doctor', 'tls show'].map(
        async (command) => ({ command, ...(await runIn(prefix, command.split(' '))) }),
      ),
    )
    const error = 'SNAILPASS_DATA_DIR is not set, and this user has no home folder'
    const hint = 'name the data folder with --data-dir or SNAILPASS_DATA_DIR'
    for (const { command, code, stdout, stderr } of results) {
      if (command === 'doctor') {
        expect(code).toBe(1)
        expect(stdout).toContain(
          `     what: ${error}\n     why:  the server can't start\n     do:   ${hint}\n`,
        )
        continue
      }
      expect({ command, code }).toEqual({ command, code: 2 })
      expect(stderr).toEndWith(`error: ${error}\nhint: ${hint}\n`)
    }
  },
)

test('help, version and completion need nothing at all', async () => {
  for (const args of [['--version'], ['--help'], ['serve', '--help'], ['completion', 'bash']]) {
    const { code, stderr } = await run(args, { program: [pathOf('env'), '-i', executable] })
    expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' })
  }
})
