import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import vectors from '../data/vectors.json' with { type: 'json' }
import { createAccount } from '../support/accounts'
import { answerOf, failure } from '../support/answers'
import { captureError } from '../support/capture-error'
import {
  aField,
  aNote,
  aRecord,
  basicAuth,
  beginRequest,
  logIn,
  signUpAndLogIn,
} from '../support/client'
import { run, serve, spawnOnTerminal, temporaryFolder, untilLogged } from '../support/executable'
import { changeDatabase, type Installation, installations } from '../support/installations'
import { startMailServer } from '../support/mail'
import { startPostgresFirst } from '../support/postgres'
import { queryRows } from '../support/store'
import { until } from '../support/until'

startPostgresFirst('newest')

const [vector] = vectors.client_keys
if (vector === undefined) throw new Error('no vector')
const { master_password: masterPassword, master_password_hash: hash, email } = vector

/** Runs `snailpass user …` on an installation. */
function user(
  { dataDir, environment }: Installation,
  args: readonly string[],
  options: { stdin?: string; environment?: Record<string, string> } = {},
) {
  return run(['user', ...args, '--data-dir', dataDir], {
    ...options,
    environment: { ...environment, ...options.environment },
  })
}

async function listAccounts(installation: Installation): Promise<Record<string, unknown>[]> {
  const { stdout, code } = await user(installation, ['list', '--json'])
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

const add = (installation: Installation, address = email) =>
  user(installation, ['add', address, '--password-stdin'], { stdin: `${masterPassword}\n` })

const loginStatus = async (origin: URL) =>
  (await fetch(new URL('/login', origin), { headers: { authorization: basicAuth(email, hash) } }))
    .status

describe.each(installations)('snailpass user, on $engine,', ({ install }) => {
  test('works while a server runs, which applies changes at once', async () => {
    await using installation = await install()
    await using server = await serve(installation.dataDir, installation.environment)
    const added = await add(installation, email.toUpperCase())
    expect(added).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^[0-9a-f-]{36}\n$/),
      stderr: `Account created and confirmed. Sign in with ${email}, in lower case. Id of the account:\n`,
    })
    const userId = added.stdout.trimEnd()
    const owner = await logIn(server.url, { userId, email, masterPasswordHash: hash })
    expect((await owner.send('POST', '/records', aRecord())).status).toBe(201)
    expect(await listAccounts(installation)).toEqual([
      {
        ...{ id: userId, email, is_confirmed: true, is_disabled: false },
        ...{ records: 1, notes: 0, additional_fields: 0, pending_emails: 0 },
        created: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        last_sign_in: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        deleted: null,
      },
    ])
    const table = await user(installation, ['list'])
    expect(table.stdout.split('\n')[0]).toMatch(/^EMAIL +STATE +RECORDS +NOTES +LAST SIGN-IN +ID$/)
    expect(table.stdout).toMatch(
      new RegExp(`\n${email} +confirmed +1 +0 +\\S+ \\S+ UTC +${userId}`),
    )
    const shown = await user(installation, ['show', userId])
    expect(shown.stdout).toContain(`email              ${email}\n`)
    expect(shown.stdout).toContain('records            1\n')
    for (const text of [table.stdout, shown.stdout]) expect(text).not.toContain('pbkdf2')

    expect((await user(installation, ['devices', email])).stdout).toMatch(
      /^KIND +NETWORK +FIRST SEEN +LAST SEEN\nother program +127\.0\.0\.1 +(\S+) +\1\n$/,
    )
    const devices = JSON.parse((await user(installation, ['devices', userId, '--json'])).stdout)
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/)
    expect(devices).toEqual([
      { kind: 'other', network: '127.0.0.1', first_seen: time, last_seen: time },
    ])

    expect(await user(installation, ['logout', email])).toEqual({
      code: 0,
      stdout: '',
      stderr: `${email} is signed out on all devices.\n`,
    })
    expect((await owner.send('GET', '/records')).status).toBe(401)
    expect(await loginStatus(server.url)).toBe(200)
    expect((await user(installation, ['disable', email])).stderr).toBe(
      `${email} is disabled and signed out.\n`,
    )
    expect(await loginStatus(server.url)).toBe(403)
    expect((await user(installation, ['enable', email])).stderr).toBe(
      `${email} can sign in again.\n`,
    )
    expect(await loginStatus(server.url)).toBe(200)
  }, 300_000)

  test('logout, disable and delete refuse writes whose bodies arrive afterwards', async () => {
    await using installation = await install()
    const commands = { logout: [], disable: [], delete: ['--yes'] }
    const record = aRecord()
    const owners = []
    for (const [command, options] of Object.entries(commands)) {
      const own = { ...record, id: command }
      const account = await createAccount(installation, command, (owner) =>
        owner.send('POST', '/records', own),
      )
      owners.push({ command, options, own, account })
    }
    await using server = await serve(installation.dataDir, installation.environment)
    for (const { command, options, own, account } of owners) {
      const { token } = account
      const begun = [
        beginRequest(server.url, token, ['POST', '/records'], aRecord()),
        beginRequest(server.url, token, ['PUT', '/records'], { ...own, name: 'b:b' }),
        beginRequest(server.url, token, ['POST', '/notes'], aNote()),
        beginRequest(server.url, token, ['POST', '/additional_fields'], aField(own.id)),
        beginRequest(server.url, token, ['POST', '/account/vault'], {
          notes: [{ ...aNote(), revision: null }],
        }),
      ]
      // The server has read the heads when it answers this one.
      expect((await account.at(server.url).send('GET', '/users')).status).toBe(200)
      const ended = await user(installation, [command, `${command}@nas.local`, ...options])
      expect(ended.code, command).toBe(0)
      for (const finish of begun) {
        const answer = await answerOf(finish())
        expect(answer, command).toEqual(failure(401, 'Authentication Error. Token is invalid'))
      }
    }
    const stored = await queryRows(
      installation.url,
      'select id, name from records union all select id, name from notes union all select id, name from additional_fields order by id',
    )
    expect(stored).toEqual([
      { id: 'disable', name: record.name },
      { id: 'logout', name: record.name },
    ])
  })

  test('shows who has left, brings them back, and the server purges them after a week', async () => {
    await using installation = await install()
    const { environment, dataDir } = installation
    const account = await createAccount(installation, 'owner', (owner) =>
      owner.send('POST', '/records', aRecord()),
    )
    const owner = 'owner@nas.local'
    const authorization = basicAuth(owner, btoa('hash of owner'))
    await using server = await serve(dataDir, environment)
    const ask = async (method: string, path: string) =>
      (await fetch(new URL(path, server.url), { method, headers: { authorization } })).status
    const leave = () => ask('DELETE', '/account')
    const signIn = () => ask('GET', '/login')
    expect([await leave(), await leave(), await signIn()]).toEqual([200, 401, 401])
    expect((await account.at(server.url).send('GET', '/records')).status).toBe(401)
    expect(await listAccounts(installation)).toMatchObject([
      { email: owner, records: 1, deleted: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) },
    ])
    expect((await user(installation, ['list'])).stdout).toContain(
      `\n${owner}  deleted by owner  1 `,
    )
    const shown = (await user(installation, ['show', owner])).stdout
    expect(shown).toMatch(/\nstate +deleted by owner\n/)
    expect(shown).toMatch(/\ndeleted +\S+ \S+ UTC\npurged +after \S+ \S+ UTC\n/)
    for (const [args, expected] of [
      [
        ['enable', owner],
        [1, `error: the owner of ${owner} has deleted the account\nhint: bring it`],
      ],
      [
        ['undelete', owner],
        [0, `${owner} is back and can sign in.\n`],
      ],
      [
        ['undelete', owner],
        [0, `The owner of ${owner} has not deleted the account (nothing to do).\n`],
      ],
    ] as const) {
      const { code, stderr } = await user(installation, args)
      expect([code, stderr.slice(0, expected[1].length)]).toEqual([...expected])
    }
    expect([await signIn(), await leave()]).toEqual([200, 200])
    expect(await server.end('SIGTERM')).toBe(0)
    const week = Date.now() - 7 * 86_400_000
    await changeDatabase(installation, `update users set deletion_time = ${week}`)
    await using later = await serve(dataDir, environment)
    await until(async () => (await listAccounts(installation)).length === 0, 'the purge')
    const counts = 'select count(*) as n from records union all select count(*) from devices'
    expect((await queryRows(installation.url, counts)).map(({ n }) => Number(n))).toEqual([0, 0])
    await untilLogged(later, 'removed 1 account that the owner had deleted')
    const audit = await run(['audit', '--json', '--user', owner, '--data-dir', dataDir], {
      environment,
    })
    const kinds = JSON.parse(audit.stdout).map(({ kind }: { kind: string }) => kind)
    expect(kinds.filter((kind: string) => kind.startsWith('user-'))).toEqual([
      ...['user-left', 'user-undeleted', 'user-left', 'user-deleted'],
    ])
  }, 300_000)

  test('works while no server runs', async () => {
    await using installation = await install()
    await createAccount(installation, 'other')
    expect((await add(installation)).code).toBe(0)
    for (const command of ['disable', 'enable', 'logout', 'confirm', 'show']) {
      expect((await user(installation, [command, email])).code, command).toBe(0)
    }
    expect(await listAccounts(installation)).toMatchObject([
      { email: 'other@nas.local', last_sign_in: expect.any(String) },
      { email, is_disabled: false, last_sign_in: null },
    ])
  }, 300_000)

  test('deletes an account after a backup of everything, with and without a server', async () => {
    await using installation = await install()
    const userCounts = async () =>
      await queryRows(installation.url, 'select email from users order by seq')
    const deleting = (name: string) => user(installation, ['delete', name, '--yes'])
    const accounts = {
      gone: await createAccount(installation, 'gone'),
      other: await createAccount(installation, 'other'),
    }
    {
      await using server = await serve(installation.dataDir, installation.environment)
      const [gone, other] = [accounts.gone.at(server.url), accounts.other.at(server.url)]
      await gone.send('POST', '/records', aRecord())
      const unasked = await user(installation, ['delete', gone.userId])
      expect(unasked.code).toBe(2)
      expect(unasked.stderr).toContain('records            1\n')
      expect(unasked.stderr).toContain('hint: use --yes to skip\n')
      expect((await gone.send('GET', '/records')).status).toBe(200)

      const { code, stdout, stderr } = await deleting('gone@nas.local')
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: expect.stringContaining('Account deleted. Backup of the previous data:\n'),
      })
      expect(stdout).toContain('snailpass-before-delete-')
      const stored = await queryRows(
        `sqlite:${stdout.trimEnd()}`,
        'select count(*) as n from records',
      )
      expect(stored).toEqual([{ n: 1 }])
      expect((await gone.send('GET', '/records')).status).toBe(401)
      expect((await other.send('GET', '/users')).status).toBe(200)
      await server.end('SIGTERM')
    }
    expect(await userCounts()).toEqual([{ email: 'other@nas.local' }])
    expect((await deleting('gone@nas.local')).code).toBe(3)
    expect((await deleting('other@nas.local')).code).toBe(0)
    expect(await userCounts()).toEqual([])
  }, 300_000)

  test('rejects invalid input with the right exit code, and changes nothing', async () => {
    await using installation = await install()
    const early = await user(installation, ['list'])
    expect(early.code).toBe(1)
    expect(early.stderr).toStartWith('error: there is no ')
    {
      await using server = await serve(installation.dataDir, installation.environment)
      await server.end('SIGTERM')
    }
    await add(installation)
    const before = await listAccounts(installation)
    const refusals: [readonly string[], number, string, string?][] = [
      [['show', 'nobody@nas.local'], 3, 'error: there is no account nobody@nas.local\nhint: '],
      [['disable', 'nobody'], 3, 'error: there is no account nobody\nhint: '],
      [['uninvite', 'nobody@nas.local'], 3, 'error: nobody@nas.local is not invited\nhint: '],
      [['add', email, '--password-stdin'], 1, `error: ${email} already has an account\nhint: `],
      [
        ['add', 'nonsense', '--password-stdin'],
        2,
        'error: "nonsense" is not a valid email address\nhint: ',
      ],
      [['invite', email], 1, `error: ${email} already has an account\nhint: `],
      [['rename', email, 'new@nas.local'], 1, "error: the email of an account can't be changed: "],
      [['add', 'a@nas.local', '--password-stdin'], 2, 'error: stdin is empty\nhint: ', ''],
      [
        ['add', 'a@nas.local', '--password-stdin'],
        2,
        'error: the master password has fewer than 11 characters\nhint: ',
        'ten chars.\n',
      ],
      [
        ['add', 'a@nas.local', '--password-stdin'],
        2,
        'error: stdin contains more than one line\nhint: ',
        'eleven chars\neleven chars\n',
      ],
      [
        ['add', 'a@nas.local'],
        2,
        "error: can't prompt for a master password: not a terminal\nhint: use --password-stdin\n",
      ],
      [['nonsense'], 2, "error: unknown command 'nonsense'\n"],
    ]
    for (const [args, code, message, stdin] of refusals) {
      const refused =
        args[0] === 'nonsense'
          ? await run(['user', ...args])
          : await user(installation, args, stdin === undefined ? {} : { stdin })
      expect(refused.code, args.join(' ')).toBe(code)
      expect(refused.stdout).toBe('')
      expect(refused.stderr).toStartWith(message)
      expect(refused.stderr).not.toContain('chars.')
    }
    expect(await listAccounts(installation)).toEqual(before)
  }, 300_000)

  test('sends an invitation by email if mail is set up, and prints it otherwise', async () => {
    await using installation = await install()
    await using mail = await startMailServer()
    const withMail = {
      SNAILPASS_MAIL_URL: `smtp://127.0.0.1:${mail.port}`,
      SNAILPASS_MAIL_FROM: 'vault@nas.local',
      SNAILPASS_EMAIL_CONFIRMATION: 'off',
      SNAILPASS_SIGNUPS: 'invited',
      SNAILPASS_PUBLIC_URL: 'https://vault.example.org/',
    }
    await using server = await serve(installation.dataDir, {
      ...installation.environment,
      ...withMail,
    })
    expect(await captureError(signUpAndLogIn(server.url, 'anna'))).toMatchObject({
      message: expect.stringContaining('403'),
    })

    const mailed = await user(installation, ['invite', 'Anna@nas.local'], { environment: withMail })
    expect(mailed).toEqual({
      code: 0,
      stdout: '',
      stderr:
        'Invited anna@nas.local.\nThe invitation is queued to be sent by email: see `snailpass mail list`.\n',
    })
    const result = await user(installation, ['invite', 'berta@nas.local'], {
      environment: {
        SNAILPASS_SIGNUPS: 'invited',
        SNAILPASS_PUBLIC_URL: 'https://vault.example.org',
      },
    })
    expect(result.stderr).toBe('Invited berta@nas.local.\n')
    expect(result.stdout).toContain('  https://vault.example.org/\n')
    expect(result.stdout).toContain('  berta@nas.local\n')
    expect((await user(installation, ['invitations', '--json'])).stdout).toContain('anna@nas.local')

    expect((await user(installation, ['uninvite', 'berta@nas.local'])).code).toBe(0)
    expect(await captureError(signUpAndLogIn(server.url, 'berta'))).toMatchObject({
      message: expect.stringContaining('403'),
    })
    expect((await signUpAndLogIn(server.url, 'anna')).token).not.toBe('')
    expect((await user(installation, ['invitations'])).stderr).toBe('No invitations.\n')
  }, 300_000)
})

test('an invitation email is sent, and names the server and the email to sign up with', async () => {
  await using mail = await startMailServer()
  using folder = temporaryFolder()
  const environment = {
    SNAILPASS_MAIL_URL: `smtp://127.0.0.1:${mail.port}`,
    SNAILPASS_MAIL_FROM: 'vault@nas.local',
    SNAILPASS_PUBLIC_URL: 'https://vault.example.org/',
  }
  {
    await using server = await serve(folder.path, environment)
    await server.end('SIGTERM')
  }
  // Without a running server the email stays in the outbox.
  await run(['user', 'invite', 'anna@nas.local', '--data-dir', folder.path], { environment })
  expect(mail.emails).toEqual([])
  await using _server = await serve(folder.path, environment)
  const message = await mail.next()
  expect(message.to).toEqual(['anna@nas.local'])
  expect(message.text).toContain('https://vault.example.org/')
  expect(message.text.replaceAll(/\s+/g, ' ')).toContain('in lower case: anna@nas.local')
})

describe('on a terminal, snailpass user add', () => {
  /** Runs the command and answers its questions with these lines. Returns the exit code and the output. */
  async function addWithAnswers(dataDir: string, lines: readonly string[]) {
    let screen = ''
    const remaining = [...lines]
    let asked = 0
    const child = spawnOnTerminal(['user', 'add', email, '--data-dir', dataDir], (text) => {
      screen += text
      if (screen.split(/Master password: |Repeat master password: /).length - 1 <= asked) return
      asked++
      child.terminal?.write(`${remaining.shift()}\r`)
    })
    return { code: await child.exited, screen: Bun.stripANSI(screen) }
  }

  test('asks for the master password twice, and does not show it', async () => {
    using folder = temporaryFolder()
    {
      await using server = await serve(folder.path)
      await server.end('SIGTERM')
    }
    const different = await addWithAnswers(folder.path, [masterPassword, `${masterPassword}x`])
    expect(different.code).toBe(2)
    expect(different.screen).toContain('error: the master passwords do not match')
    const short = await addWithAnswers(folder.path, ['short'])
    expect(short.code).toBe(2)
    const { code, screen } = await addWithAnswers(folder.path, [masterPassword, masterPassword])
    expect(code).toBe(0)
    for (const each of [different.screen, screen]) expect(each).not.toContain(masterPassword)
    await using server = await serve(folder.path)
    expect(await loginStatus(server.url)).toBe(200)
    expect(existsSync(join(folder.path, 'snailpass.db'))).toBeTrue()
  }, 300_000)
})

test('on a terminal, snailpass user list shows 50 accounts in 80 columns', async () => {
  using folder = temporaryFolder()
  await createAccount({ dataDir: folder.path }, 'owner')
  {
    using database = new Database(join(folder.path, 'snailpass.db'))
    const columns = database
      .query<{ name: string }, []>("select name from pragma_table_info('users')")
      .all()
      .map(({ name }) => name)
      .filter((name) => !['seq', 'id', 'email', 'canonical_email'].includes(name))
    for (let index = 1; index < 50; index++) {
      database.run(
        `insert into users (id, email, ${columns.join()})
        select ?, ?, ${columns.join()} from users where email = 'owner@nas.local'`,
        [crypto.randomUUID(), `user.number.${index}@mail.example.org`],
      )
    }
  }
  let screen = ''
  const list = ['user', 'list', '--data-dir', folder.path]
  const child = spawnOnTerminal(list, (text) => {
    screen += text
  })
  expect(await child.exited).toBe(0)
  const lines = screen.trimEnd().split('\r\n')
  expect(lines).toHaveLength(52)
  for (const line of lines) expect(Bun.stringWidth(line), line).toBeLessThanOrEqual(80)
  expect(lines[0]).toMatch(/^EMAIL +STATE +RECORDS +NOTES +LAST SIGN-IN$/)
  expect(lines[51]).toBe('Too narrow for ID: use --long to print all columns.')
  const piped = await run(list)
  expect(piped).toMatchObject({ code: 0, stderr: '' })
  expect(piped.stdout).toMatch(/^EMAIL +STATE +RECORDS +NOTES +LAST SIGN-IN +ID\n/)
  expect(piped.stdout.trimEnd().split('\n')).toHaveLength(51)
})
