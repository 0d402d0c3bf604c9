import { afterAll, beforeAll, describe, expect, spyOn, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createProgram } from '../../cli/program'
import { jsonOutput } from '../../scripts/json-output'
import * as audit from '../../src/app/operations/audit'
import * as service from '../../src/app/operations/service'
import * as update from '../../src/app/operations/update'
import { DomainError } from '../../src/domain/errors'
import { recordPriorities, runCommand } from '../support/cli'
import { listCommands } from '../support/commands'
import { temporaryFolder } from '../support/executable'
import {
  expectPromised,
  expectPromisedReport,
  findDifferences,
  findUnseen,
} from '../support/json-promise'
import {
  createSqliteTestDatabase,
  createTestBackup,
  fillWithEdgeCases,
  startServerOn,
  type TestDatabase,
  targetsOf,
} from '../support/test-database'

/** One database for tests that only read. */
let database: TestDatabase
beforeAll(async () => {
  database = await createSqliteTestDatabase()
  await fillWithEdgeCases(database)
}, 300_000)
afterAll(() => database[Symbol.asyncDispose]())

const on = (data: TestDatabase, environment: Readonly<Record<string, string>> = {}) => ({
  run: (...args: readonly string[]) =>
    runCommand([...args, '--json', '--data-dir', data.dataDir], {
      SNAILPASS_DATABASE_URL: data.url,
      ...environment,
    }),
})

type Run = (...args: readonly string[]) => ReturnType<typeof runCommand>

/** Runs a command in several situations. Expects what is promised of each, and that together they have every member. */
async function expectAll(
  command: string,
  situations: readonly (readonly [run: Run, code: number, ...more: readonly string[]])[],
): Promise<void> {
  const texts: string[] = []
  for (const [run, code, ...more] of situations) {
    const result = await run(...command.split(' '), ...more)
    expect({ code: result.code, stderr: result.stderr }).toEqual({ code, stderr: '' })
    expectPromised(command, result.stdout)
    texts.push(result.stdout)
  }
  expect(findUnseen(command, texts)).toEqual([])
}

/** Commands that print nothing that a program would read, or that change something. */
const withoutJson = new Set([
  ...['serve', 'backup', 'restore', 'adopt', 'copy', 'recreate-db', 'key rotate', 'tls renew'],
  ...['service install', 'service uninstall', 'mail test', 'mail retry', 'audit prune'],
  ...[
    'add',
    'invite',
    'uninvite',
    'confirm',
    'disable',
    'enable',
    'logout',
    'rename',
    'delete',
  ].map((name) => `user ${name}`),
  ...['user undelete', 'user restore-entry', 'completion', 'help'],
])

test('every command that reads has --json, and its members are promised', async () => {
  const all = listCommands(await createProgram()).flatMap(({ command, path }) => {
    const hasOnlySubcommands = command.commands.length > 0 && command.options.length === 0
    return hasOnlySubcommands || path.length === 0 ? [] : [{ command, name: path.join(' ') }]
  })
  const withJson = all.filter(({ command }) =>
    command.options.some(({ long }) => long === '--json'),
  )
  const names = withJson.map(({ name }) => name)
  expect(new Set(names)).toEqual(new Set(Object.keys(jsonOutput)))
  expect(new Set(all.map(({ name }) => name)).difference(new Set(names))).toEqual(withoutJson)
})

test('a member that is renamed, missing or of another type breaks a promise', () => {
  const [account] = [{ kind: 'record', count: 1, time: '2026-11-25T16:31:05.123Z' }]
  expect(findDifferences(account, account)).toEqual([])
  expect(findDifferences(account, { ...account, count: '1', time: 'now', more: null })).toEqual([
    '.more is not promised',
    '.count is not a number: "1"',
    '.time is not a time: "now"',
  ])
  expect(findDifferences([account], [{ ...account, kind: null }, {}])).toEqual([
    '[].kind is not a string: null',
    ...['kind', 'count', 'time'].map((name) => `[].${name} is missing`),
  ])
  expect(
    Object.values(jsonOutput)
      .flatMap(listMembers)
      .filter((name) => !/^[a-z\d_]+$/.test(name)),
  ).toEqual([])
})

function listMembers(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  const isPlain = Object.getPrototypeOf(value) === Object.prototype
  return Object.entries(value).flatMap(([name, inner]) => [
    ...(isPlain ? [name] : []),
    ...listMembers(inner),
  ])
}

describe('what is promised is printed', () => {
  test.each([
    ['user list', []],
    ['user show', ['u1']],
    ['user devices', ['u1']],
    ['user invitations', []],
    ['user history', ['u2']],
  ] as const)('by %s', async (command, more) => {
    await expectAll(command, [[on(database).run, 0, ...more]])
  })

  test('by mail list', async () => {
    const { run } = on(database)
    await database.sql("update outbox set lease = null where id = 'l0'")
    await expectAll('mail list', [[run, 0]])
  })

  test('by audit and audit verify', async () => {
    await using own = await createSqliteTestDatabase()
    const { run } = on(own)
    await fillWithEdgeCases(own)
    const { stdout } = await run('audit', 'verify')
    const { newest } = JSON.parse(stdout)
    const texts = [stdout, (await run('audit', 'verify', '--expect', newest)).stdout]
    {
      // A log that was pruned, after a key was lost, which takes weeks.
      const report = await audit.verifyAudit(targetsOf(own), null)
      using spy = spyOn(audit, 'verifyAudit')
      spy.mockResolvedValueOnce({ ...report, prunedUpTo: 3, unverified: ['3 rows'] })
      texts.push((await run('audit', 'verify')).stdout)
    }
    await own.sql(
      "update audit set detail = 'x', user_id = 'u1', email = 'a@b.cc', address = '::1'",
    )
    await expectAll('audit', [[run, 0]])
    const broken = await run('audit', 'verify', '--expect', newest.replace(/^\d+/, '99'))
    expect(broken).toMatchObject({ code: 1, stderr: '' })
    expect(
      [...texts, broken.stdout].map((text) => expectPromised('audit verify', text)),
    ).toMatchObject([
      { status: 'verified', expected: null, problems: [] },
      { status: 'verified', expected: 'found', problems: [] },
      { pruned_up_to: 3, notes: ['3 rows'] },
      { status: 'failed', expected: 'missing' },
    ])
    expect(findUnseen('audit verify', [...texts, broken.stdout])).toEqual([])
  }, 300_000)

  test('by backup list and backup verify', async () => {
    await using own = await createSqliteTestDatabase()
    await fillWithEdgeCases(own)
    const { path } = await createTestBackup(own)
    const { run } = on(own)
    await expectAll('backup list', [[run, 0]])
    await expectAll('backup verify', [[run, 0, path]])
    writeFileSync(path, 'x')
    const damaged = await run('backup', 'verify', path)
    expect(damaged).toMatchObject({ code: 1, stdout: '' })
    expectPromisedReport(damaged.stderr)
  })

  test('by status and healthcheck, of a running server and without one', async () => {
    await using own = await createSqliteTestDatabase()
    await fillWithEdgeCases(own)
    using _ = recordPriorities()
    expect(
      (await runCommand(['backup', '--data-dir', own.dataDir], { SNAILPASS_DATABASE_URL: own.url }))
        .code,
    ).toBe(0)
    const { run } = on(own, { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' })
    const server = await startServerOn(own, { SNAILPASS_LISTEN_TLS: '127.0.0.1:0' })
    const running = await run('status')
    expect(running).toMatchObject({ code: 0, stderr: '' })
    await server.stop()
    const answers = [
      Response.json({ status: 'ready', warnings: [{ kind: 'stale_backup', detail: 'of May' }] }),
      Response.json({ message: { error: 'Service Unavailable. Away' } }, { status: 503 }),
    ]
    await using fake = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => answers.shift() ?? new Response(),
    })
    const listen = ['--listen', fake.url.host]
    await expectAll('healthcheck', [
      [run, 0, ...listen],
      [run, 1, ...listen],
    ])
    await own.sql('drop table users')
    const stopped = await run('status')
    expect(stopped).toMatchObject({ code: 1, stderr: '' })
    expect([running, stopped].map(({ stdout }) => expectPromised('status', stdout))).toMatchObject([
      { status: 'running' },
      { status: 'stopped', server: null, problems: [expect.any(String)] },
    ])
    expect(findUnseen('status', [running.stdout, stopped.stdout])).toEqual(['status.warnings[]'])
  }, 300_000)

  test('by service status', async () => {
    const state = { activeState: 'active', restarts: 0, isPending: false, message: '' }
    const status: service.ServiceStatus = {
      version: 'snailpass 0.2.0 (4f1c2ab, linux-x64)',
      service: { ...state, since: 'Fri 2026-11-20 06:00:03 UTC' },
      isReady: false,
      addresses: ['http://192.168.1.5:5000/'],
      problems: [new DomainError('unavailable', ['the log ends with:', 'x'])],
      settingsErrors: [new DomainError('invalid', 'one'), new DomainError('unavailable', 'two')],
      overrides: null,
    }
    const ready = { ...status, version: null, service: { ...state, since: '' }, isReady: true }
    using spy = spyOn(service, 'serviceStatus')
    const run: Run = async (...args) => await runCommand([...args, '--json'])
    spy.mockResolvedValueOnce(status).mockResolvedValueOnce(ready).mockResolvedValueOnce(status)
    await expectAll('service status', [
      [run, 1],
      [run, 0],
    ])
    expect(JSON.parse((await run('service', 'status')).stdout)).toEqual({
      status: 'not_ready',
      version: '0.2.0',
      service: { state: 'active', since: '2026-11-20T06:00:03.000Z' },
      addresses: ['http://192.168.1.5:5000/'],
      problems: ['the log ends with:\nx'],
      settings_problems: ['one', 'two'],
    })
  })

  test('by tls show and tls ca', async () => {
    using folder = temporaryFolder()
    const args = ['--data-dir', folder.path]
    expect((await runCommand(['tls', 'renew', ...args])).code).toBe(0)
    const run: Run = (...words) => runCommand([...words, ...args, '--json'])
    await expectAll('tls show', [[run, 0]])
    await expectAll('tls ca', [[run, 0]])
  })

  test('by config and doctor', async () => {
    await using own = await createSqliteTestDatabase()
    await fillWithEdgeCases(own)
    const file = join(own.dataDir, 'settings.env')
    writeFileSync(file, 'SNAILPASS_NONSENSE=x\nSNAILPASS_LISTEN=127.0.0.1:0\n')
    const wrong = on(own, { SNAILPASS_CONFIG: file, SNAILPASS_MAX_BODY: 'x' }).run
    await expectAll('config', [
      [on(own).run, 0],
      [wrong, 2],
    ])
    await expectAll('doctor', [
      [on(own).run, 1, '--fix'],
      [wrong, 1],
    ])
  }, 300_000)

  test('by update --check', async () => {
    const report = { version: '0.2.0', from: 'https://nas.example/', isNewer: true }
    const release = { version: '0.3.0', date: '2026-12-01' }
    using spy = spyOn(update, 'checkForUpdate')
    spy.mockResolvedValueOnce({ ...report, release })
    spy.mockResolvedValueOnce({ ...report, release, isNewer: false })
    const run: Run = (...args) => runCommand([...args, '--check', '--json'])
    await expectAll('update', [
      [run, 5],
      [run, 0],
    ])
  })

  test('by version', async () => {
    const run: Run = (...args) => runCommand([...args, '--json'])
    using spy = spyOn(update, 'listReleaseKeys')
    spy.mockReturnValueOnce(['RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3'])
    await expectAll('version', [
      [run, 0],
      [run, 0],
    ])
  })
})

describe('with --json, what is wrong is an object on stderr', () => {
  test.each([
    [['user', 'show', 'nobody'], 3, 'not_found', /^there is no account nobody/, /./],
    [['audit', '--user', 'nobody'], 3, 'not_found', /^there is no account nobody/, /./],
    [
      ['user', 'show', 'u1', '--listen', 'x'],
      2,
      'invalid',
      /^unknown option '--listen'/,
      /^see snailpass user show --help$/,
    ],
    [
      ['user', 'show'],
      2,
      'invalid',
      /^missing required argument 'user'$/,
      /^see snailpass user show --help$/,
    ],
    [
      ['user', 'lst'],
      2,
      'invalid',
      /^unknown command 'lst'\n\(Did you mean list\?\)$/,
      /^see snailpass user --help$/,
    ],
    [['user'], 2, 'invalid', /^unknown option '--json'/, /^see snailpass user --help$/],
    [['backup', 'lst'], 2, 'invalid', /./, /^see snailpass backup --help$/],
    [['serve'], 2, 'invalid', /^unknown option '--json'/, /^see snailpass serve --help$/],
    [['nonsense'], 2, 'invalid', /^unknown command 'nonsense'$/, /^see snailpass --help$/],
  ] as const)('%p', async (args, code, name, message, hint) => {
    const { stderr, ...rest } = await on(database).run(...args)
    expect(rest).toEqual({ code, stdout: '' })
    expect(expectPromisedReport(stderr)).toEqual({
      errors: [
        {
          code: name,
          message: expect.stringMatching(message),
          hint: expect.stringMatching(hint),
        },
      ],
      warnings: [],
    })
  })

  test('also several errors, and warnings beside a result', async () => {
    const several = await on(database, { SNAILPASS_DATA_DIR: '', SNAILPASS_BACKUP_DIR: "'" }).run(
      ...['backup', 'list', '--config', '/nonexistent/settings'],
    )
    expect(several).toMatchObject({ code: 2, stdout: '' })
    expectPromisedReport(several.stderr)
    const warned = await on(database, { SNAILPASS_NONSENSE: 'x' }).run('user', 'list')
    expect(warned.code).toBe(0)
    expectPromised('user list', warned.stdout)
    expect(expectPromisedReport(warned.stderr)).toEqual({
      errors: [],
      warnings: [expect.stringContaining('SNAILPASS_NONSENSE')],
    })
  })

  test('also a bug, without its stack', async () => {
    using spy = spyOn(service, 'serviceStatus')
    spy.mockRejectedValueOnce(new TypeError('x is undefined'))
    const { stderr, ...rest } = await runCommand(['service', 'status', '--json'])
    expect(rest).toEqual({ code: 1, stdout: '' })
    expect(expectPromisedReport(stderr)).toEqual({
      errors: [
        {
          code: 'internal',
          message: 'x is undefined',
          hint: 'this is a bug in snailpass: run it without --json, and report what it prints',
        },
      ],
      warnings: [],
    })
  })

  test('but not the help, nor an argument of that name', async () => {
    const help = await runCommand(['user', 'list', '--help', '--json'])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect((await runCommand(['user', 'show', '--', '--json'])).stderr).toStartWith('error: ')
  })
})
