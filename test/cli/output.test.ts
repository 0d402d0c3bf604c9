import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { recordPriorities, runCommand } from '../support/cli'
import {
  createAgeKeyPair,
  createSqliteTestDatabase,
  createTestBackup,
  fillWithEdgeCases,
  type TestDatabase,
} from '../support/test-database'

/** One database for tests that only read. */
let database: TestDatabase
beforeAll(async () => {
  database = await createSqliteTestDatabase()
  await fillWithEdgeCases(database)
  await database.sql('delete from audit_marks')
  await database.sql('delete from audit')
}, 300_000)
afterAll(() => database[Symbol.asyncDispose]())

const run = (...args: string[]) =>
  runCommand([...args, '--data-dir', database.dataDir], { SNAILPASS_DATABASE_URL: database.url })

/** Returns what a command with --json prints. */
async function readJson(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await run(...args, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

const one = {
  id: 'u1',
  email: 'one@nas.local',
  is_confirmed: true,
  is_disabled: true,
  records: 7,
  notes: 0,
  additional_fields: 7,
  pending_emails: 0,
  created: '2025-11-25T03:35:02.123Z',
  last_sign_in: '2025-11-25T03:35:02.555Z',
  deleted: '2025-11-25T03:35:02.777Z',
}
const two = {
  id: 'u2',
  email: 'two@nas.local',
  is_confirmed: false,
  is_disabled: false,
  records: 0,
  notes: 2,
  additional_fields: 0,
  pending_emails: 1,
  created: '1970-01-01T00:00:00.000Z',
  last_sign_in: null,
  deleted: null,
}

describe('accounts', () => {
  test('are listed with everything in JSON, and in columns', async () => {
    expect(await readJson('user', 'list')).toEqual([one, two])
    const { stdout } = await run('user', 'list')
    expect(stdout).toBe(
      `EMAIL          STATE                       RECORDS  NOTES  LAST SIGN-IN          ID
one@nas.local  deleted by owner, disabled  7        0      2025-11-25 03:35 UTC  u1
two@nas.local  unconfirmed                 0        2      never                 u2
`,
    )
  })

  test('are shown one by one, by email or id', async () => {
    expect(await readJson('user', 'show', 'u1')).toEqual({
      ...{ ...one, vault_bytes: expect.any(Number), history_versions: 7, history_bytes: 4200 },
    })
    expect(await readJson('user', 'show', 'two@nas.local')).toEqual({
      ...{ ...two, vault_bytes: 1_201_036, history_versions: 1, history_bytes: 700 },
    })
    expect(
      (await run('user', 'show', 'one@nas.local')).stdout.replace(/size( +).*/, 'size$1SIZE'),
    ).toBe(
      `email              one@nas.local
id                 u1
state              deleted by owner, disabled
deleted            2025-11-25 03:35 UTC
purged             after 2025-12-02 03:35 UTC
created            2025-11-25 03:35 UTC
last sign-in       2025-11-25 03:35 UTC
records            7
additional fields  7
notes              0
vault size         SIZE
history            7 versions, 4.2 KB
pending emails     0
`,
    )
    expect(await run('user', 'show', 'nobody@nas.local')).toMatchObject({ code: 3, stdout: '' })
  })

  test('have devices, which are listed to the day', async () => {
    expect(await readJson('user', 'devices', 'u1')).toEqual([
      {
        ...{ kind: 'android', network: '2001:db8:1:2::/64' },
        ...{ first_seen: '2025-11-25T03:35:02.001Z', last_seen: '2025-11-25T03:35:02.123Z' },
      },
    ])
    expect((await run('user', 'devices', 'one@nas.local')).stdout).toBe(
      `KIND            NETWORK            FIRST SEEN  LAST SEEN
Android client  2001:db8:1:2::/64  2025-11-25  2025-11-25
`,
    )
    expect(await run('user', 'devices', 'two@nas.local')).toEqual({
      ...{ code: 0, stdout: '', stderr: 'No devices.\n' },
    })
    expect(await readJson('user', 'devices', 'two@nas.local')).toEqual([])
    expect(await run('user', 'devices', 'nobody')).toMatchObject({ code: 3, stdout: '' })
  })

  test('have a history, of which the content is not printed', async () => {
    const version = {
      ...{ version: expect.any(Number), time: '2025-11-25T03:35:02.123Z' },
      ...{ kind: 'note', reason: 'deleted', size_bytes: 700, entry_id: 'n1' },
    }
    expect(await readJson('user', 'history', 'u2')).toEqual([version])
    const { stdout } = await run('user', 'history', 'two@nas.local')
    expect(stdout.replaceAll(/\d{9,}/g, 'NUMBER').replaceAll(/ +/g, ' ')).toBe(
      `VERSION TIME KIND REASON SIZE ENTRY
NUMBER 2025-11-25T03:35:02Z note deleted 700 bytes n1
`,
    )
    const number = stdout.match(/\d{9,}/)?.[0] ?? ''
    const empty = { code: 3, stdout: '' }
    expect(await run('user', 'history', 'nobody@nas.local')).toMatchObject(empty)
    expect(await run('user', 'restore-entry', 'u1', number)).toMatchObject({
      ...{ code: 1, stdout: '' },
      stderr: expect.stringContaining(
        'the owner of one@nas.local has deleted the account\nhint: bring it back',
      ),
    })
    for (const text of ['x', '-1', '1.5', '1e3'])
      expect((await run('user', 'restore-entry', 'u2', '--', text)).stdout, text).toBe('')
  })

  test('that are invited are listed', async () => {
    expect(await readJson('user', 'invitations')).toEqual([
      { email: 'three@nas.local', created: '1970-01-01T00:00:00.003Z' },
    ])
    expect(await run('user', 'invitations')).toEqual({
      code: 0,
      stdout: 'INVITED               EMAIL\n1970-01-01T00:00:00Z  three@nas.local\n',
      stderr: '',
    })
  })
})

test('emails are listed with their state, and the reason of a failure in one line', async () => {
  await database.sql("update outbox set lease = null where id = 'l0'")
  const { stdout, stderr } = await run('mail', 'list')
  expect(stderr).toBe('')
  const lines = stdout.trimEnd().split('\n')
  expect(lines).toEqual([
    'ID  STATE   NEXT ATTEMPT          ATTEMPTS  RECIPIENT        REASON',
    'l0  queued  1970-01-01T00:00:00Z  0         three@nas.local',
    expect.stringMatching(/^l1 {2}dead {4}given up {14}7 {9}two@nas\.local {4}\S/),
  ])
})

test.each([[['mail', 'retry']], [['mail', 'retry', 'l1', '--dead']]])(
  'which emails to retry is said once: %p',
  async (args) => {
    expect(await run(...args)).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'error: name one email to retry, or use --dead or --all\nhint: `snailpass mail list` prints the ids; --dead retries all emails that were given up, --all every email\n',
    })
    expect(await database.sql("select state from outbox where id = 'l1'")).toEqual([
      { state: 'dead' },
    ])
  },
)

describe('the audit log', () => {
  test('is empty in both forms', async () => {
    expect(await readJson('audit')).toEqual([])
    expect(await run('audit')).toEqual({
      code: 0,
      stdout: '',
      stderr: 'No matching rows in the audit log.\n',
    })
  })

  test('is printed with everything in JSON, and in columns', async () => {
    await database.sql(`insert into audit (seq, time, kind, actor, user_id, email, address, count, detail, mac)
      values (1, 1764041702123, 'login', 'user', 'u1', 'one@nas.local', '192.168.1.5', 3, 'x', ''),
      (2, 1764041703000, 'disabled', 'operator', 'u2', null, null, 1, null, '')`)
    try {
      const first = {
        number: 1,
        time: '2025-11-25T03:35:02.123Z',
        kind: 'login',
        actor: 'user',
        user_id: 'u1',
        email: 'one@nas.local',
        address: '192.168.1.5',
        count: 3,
        detail: 'x',
      }
      const second = {
        number: 2,
        time: '2025-11-25T03:35:03.000Z',
        kind: 'disabled',
        actor: 'operator',
        user_id: 'u2',
        email: null,
        address: null,
        count: 1,
        detail: null,
      }
      expect(await readJson('audit')).toEqual([first, second])
      expect(await readJson('audit', '--user', 'u2')).toEqual([second])
      expect(await readJson('audit', '--since', '2025-11-25T03:35:03Z')).toEqual([second])
      expect((await run('audit')).stdout).toBe(
        `TIME                  KIND            COUNT  BY        ADDRESS          EMAIL                     DETAIL
2025-11-25T03:35:02Z  login           3      user      192.168.1.5      one@nas.local             x
2025-11-25T03:35:03Z  disabled        1      operator  -                -
`,
      )
    } finally {
      await database.sql('delete from audit')
    }
  })
})

test('backups are listed with their state in both forms', async () => {
  await using own = await createSqliteTestDatabase()
  await fillWithEdgeCases(own)
  const list = (...args: string[]) =>
    runCommand(['backup', 'list', '--data-dir', own.dataDir, ...args])
  expect(await list()).toEqual({ code: 0, stdout: '', stderr: 'No backups.\n' })
  expect(JSON.parse((await list('--json')).stdout)).toEqual([])
  const folder = join(own.dataDir, 'backups')
  mkdirSync(folder)
  const half = join(folder, 'snailpass-20200101T000000Z.sqlite.partial')
  const encrypted = join(folder, 'snailpass-20200102T030405Z.sqlite.age')
  writeFileSync(encrypted, 'age-encryption.org/v1\n-> X25519 x\n')
  const { path, time, tables } = await createTestBackup(own)
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  // The next backup would remove it.
  writeFileSync(half, 'half')
  const { size } = statSync(path)
  expect(JSON.parse((await list('--json')).stdout)).toEqual([
    {
      file: half,
      time: '2020-01-01T00:00:00.000Z',
      size_bytes: 4,
      is_encrypted: false,
      rows: null,
      is_complete: false,
    },
    {
      file: encrypted,
      time: '2020-01-02T03:04:05.000Z',
      size_bytes: 34,
      is_encrypted: true,
      rows: null,
      is_complete: true,
    },
    {
      file: path,
      time: new Date(time).toISOString(),
      size_bytes: size,
      is_encrypted: false,
      rows,
      is_complete: true,
    },
  ])
  const when = new Date(time).toISOString().replace(/\.\d+/, '')
  const width = String(size).length
  const cells = (...texts: string[]) => texts.join('  ')
  expect((await list()).stdout.trimEnd().split('\n')).toEqual([
    cells('TIME'.padEnd(20), 'BYTES'.padEnd(width), 'ROWS', 'STATE'.padEnd(10), 'FILE'),
    cells('2020-01-01T00:00:00Z', '4'.padEnd(width), '-   ', 'incomplete', half),
    cells('2020-01-02T03:04:05Z', '34'.padEnd(width), '-   ', 'encrypted ', encrypted),
    cells(when, String(size), String(rows).padEnd(4), 'plain     ', path),
  ])
})

test('a backup is written with the folder, the encryption and the clean-up of its options', async () => {
  await using own = await createSqliteTestDatabase()
  await fillWithEdgeCases(own)
  using priorities = recordPriorities()
  const folder = join(own.dataDir, 'backups')
  mkdirSync(folder)
  const old = join(folder, 'snailpass-20200102T030405Z.sqlite')
  writeFileSync(old, '')
  const backup = (...args: string[]) =>
    runCommand(['backup', '--data-dir', own.dataDir, ...args], {
      SNAILPASS_DATABASE_URL: own.url,
      SNAILPASS_BACKUP_KEEP: '1 daily',
    })
  const { recipient, file } = await createAgeKeyPair(own.dataDir)
  const encrypted = await backup('--encrypt-to', recipient, '--to', join(own.dataDir, 'x.age'))
  expect(encrypted).toEqual({
    code: 0,
    stdout: `${join(own.dataDir, 'x.age')}\n`,
    stderr: expect.stringMatching(
      /^Backup written and verified \(2 accounts, \d+ records, \d+ notes, encrypted\):\n$/,
    ),
  })
  // Servers get the processor first.
  expect<unknown>(priorities.calls).toEqual([
    [process.pid, constants.priority.PRIORITY_BELOW_NORMAL],
  ])
  expect(existsSync(old)).toBeTrue()
  const verified = await runCommand([
    ...['backup', 'verify', join(own.dataDir, 'x.age'), '--identity', file],
    ...['--data-dir', own.dataDir],
  ])
  expect(verified).toEqual({
    code: 0,
    stdout: expect.stringMatching(
      /^created \S+ \S+ UTC by snailpass \S+ from sqlite, encrypted\nTABLE {14}ROWS {2}SHA-256\nusers {14}2 {5}[0-9a-f]{64}\n[\s\S]*\nverified: 2 accounts, \d+ records, \d+ notes\n$/,
    ),
    stderr: '',
  })
  const pruning = await backup('--prune')
  expect(pruning.code).toBe(0)
  expect(pruning.stderr).toEndWith(`:\nRemoved: ${old}\n`)
  expect([old, pruning.stdout.trim()].map(existsSync)).toEqual([false, true])
})

describe('a question that can not be asked', () => {
  const refusal = {
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(
      /error: can't ask for confirmation: not a terminal\nhint: use --yes to skip\n$/,
    ),
  }

  test.each([[['recreate-db']], [['user', 'delete', 'u1']], [['tls', 'renew', '--authority']]])(
    'changes nothing: %p',
    async (args) => {
      // A certificate authority that would be replaced.
      if (args[0] === 'tls') expect(await run('tls', 'renew')).toMatchObject({ code: 0 })
      const before = await database.sql('select * from users')
      expect(await run(...args)).toEqual(refusal)
      expect(await database.sql('select * from users')).toEqual(before)
      expect(existsSync(join(database.dataDir, 'backups'))).toBeFalse()
    },
  )

  test('removes nothing of an installation', async () => {
    const prefix = join(database.dataDir, 'prefix')
    mkdirSync(join(prefix, 'var', 'lib', 'snailpass'), { recursive: true })
    const purge = ['service', 'uninstall', '--prefix', prefix, '--purge']
    expect(await runCommand(purge)).toEqual(refusal)
    expect(existsSync(join(prefix, 'var', 'lib', 'snailpass'))).toBeTrue()
    expect(await runCommand([...purge, '--yes'])).toMatchObject({ code: 0, stdout: '' })
    expect(existsSync(join(prefix, 'var', 'lib', 'snailpass'))).toBeFalse()
  })
})

test.each(['0', '100000', '-1', '1.5', 'x', ''])('--wait %p is refused', async (seconds) => {
  const prefix = join(database.dataDir, 'installed')
  const installing = await runCommand([
    ...['service', 'install', '--prefix', prefix],
    `--wait=${seconds}`,
  ])
  expect(installing).toEqual({
    code: 2,
    stdout: '',
    stderr: `error: invalid --wait "${seconds}"\nhint: use a number of seconds from 1 to 99999\n`,
  })
  expect(existsSync(prefix)).toBeFalse()
})

test.each([
  [['a', 'b']],
  [[]],
  [['a', 'b', '--data-dir', '/srv/snailpass']],
  [['--force', 'a', 'b']],
])('an email can not be renamed, with whatever arguments: %j', async (args) => {
  expect(await runCommand(['user', 'rename', ...args])).toEqual({
    code: 1,
    stdout: '',
    stderr:
      "error: the email of an account can't be changed: the keys of the vault are derived from it\nhint: create a second account with `snailpass user add`, move the entries there with a client, then delete the first account with `snailpass user delete`\n",
  })
})

test.each([
  [['nonsense'], 2],
  [['user', 'show'], 2],
  [['backup', '--nonsense'], 2],
  [['completion', 'tcsh'], 2],
  [['config'], 0],
])('the exit code of %p is %p', async (args, code) => {
  expect((await runCommand(args)).code).toBe(code)
})
