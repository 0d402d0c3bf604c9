import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { createTestAuthority } from '../support/certificates'
import { basicAuth } from '../support/client'
import { run, serve, temporaryFolder, untilLogged } from '../support/executable'
import { linkIn, startMailServer, type TestMailServer } from '../support/mail'
import { hasMountNamespaces, runMounted } from '../support/mount-namespace'
import { createPostgresDatabase, queryPostgres, startPostgresFirst } from '../support/postgres'
import { startTestServer } from '../support/server'
import { until } from '../support/until'

startPostgresFirst('newest')

/** Opens a new database on each engine. Returns the settings of a server that uses it. */
const engines: {
  engine: string
  open: () => Promise<
    AsyncDisposable & {
      readonly settings: Record<string, string>
      /** Ends the leases of all emails, as if seven minutes had passed. */
      endLeases(): Promise<void>
    }
  >
}[] = [
  {
    engine: 'SQLite',
    open: async () => ({ settings: {}, async endLeases() {}, async [Symbol.asyncDispose]() {} }),
  },
  {
    engine: 'Postgres',
    async open() {
      const database = await createPostgresDatabase()
      return {
        settings: { SNAILPASS_DATABASE_URL: database.url },
        endLeases: async () =>
          void (await queryPostgres(database.url, 'update outbox set next_time = 0')),
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      }
    },
  },
]

const email = 'owner@nas.local'
const hash = btoa('hash of owner')

function signUp(origin: URL, address: string = email): Promise<Response> {
  return fetch(new URL('/users', origin), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      id: crypto.randomUUID(),
      email: address,
      master_password_hash: hash,
      hint: '',
    }),
  })
}

function login(origin: URL): Promise<Response> {
  return fetch(new URL('/login', origin), { headers: { authorization: basicAuth(email, hash) } })
}

const settingsFor = (mail: TestMailServer) => ({
  SNAILPASS_MAIL_URL: `smtp://127.0.0.1:${mail.port}`,
  SNAILPASS_MAIL_FROM: 'SnailPass <vault@nas.local>',
})

describe('the executable with mail', () => {
  test('confirms an account by the link in its email, before its first login', async () => {
    using folder = temporaryFolder()
    await using mail = await startMailServer()
    await using server = await serve(folder.path, settingsFor(mail))
    expect((await signUp(server.url)).status).toBe(201)
    const message = await mail.next()
    expect(message).toMatchObject({ from: 'vault@nas.local', to: [email] })
    const refused = await login(server.url)
    expect(refused.status).toBe(403)
    expect(await refused.json()).toEqual({
      message: {
        error: "Access Denied. Email isn't confirmed. Resending email confirmation letter...",
      },
    })
    const link = linkIn(message)
    expect(link).toStartWith(server.url.href)
    // Mail servers and browsers follow links to look at them.
    for (const method of ['GET', 'HEAD', 'GET']) {
      expect((await fetch(link, { method })).status).toBe(200)
      expect((await login(server.url)).status).toBe(403)
    }
    expect(await (await fetch(link)).text()).toContain('<h1>Confirm your email')
    const confirm = async () => (await fetch(link, { method: 'POST' })).text()
    expect(await confirm()).toContain('Your email is confirmed')
    expect(await confirm()).toContain('is already confirmed')
    expect(await (await fetch(link)).text()).toContain('is already confirmed')
    expect((await login(server.url)).status).toBe(200)
    // The refused login right after the sign-up queued no second email.
    expect(mail.emails).toHaveLength(1)
    await untilLogged(server, 'email sent')
    const log = server.log.join('\n')
    expect(log).toContain(`sending email through 127.0.0.1:${mail.port} queued=0`)
    expect(log).toContain('email sent')
    expect(log).not.toContain(link.slice(-20))
  })

  test("is set up by the original server's own settings, as they are", async () => {
    using folder = temporaryFolder()
    const { authority, certified } = await certificates(folder.path)
    const logins: string[] = []
    await using mail = await startMailServer({
      ...certified,
      secure: true,
      authOptional: false,
      onAuth({ username, password }, _session, callback) {
        logins.push(`${username} ${password}`)
        callback(null, { user: 'me' })
      },
    })
    await using server = await serve(`${folder.path}/data`, {
      NODE_EXTRA_CA_CERTS: authority,
      SNAILPASS_CONFIGURATION: 'prod',
      CELERY_BROKER_URL: 'redis://redis:6379/0',
      RESULT_BACKEND: 'redis://redis:6379/0',
      MAIL_DEFAULT_SENDER: 'vault@nas.local',
      MAIL_USERNAME: 'vault@nas.local',
      MAIL_PASSWORD: 'a password: with @',
      // The original server always uses Google's server and port, which a test must not.
      MAIL_SERVER: 'localhost',
      MAIL_PORT: String(mail.port),
    })
    expect((await signUp(server.url)).status).toBe(201)
    expect((await login(server.url)).status).toBe(403)
    await fetch(linkIn(await mail.next()), { method: 'POST' })
    expect((await login(server.url)).status).toBe(200)
    expect(logins).toEqual(['vault@nas.local a password: with @'])
    expect(server.log.join()).not.toContain('a password')
  })
})

describe.each(engines)('a queued email on $engine', ({ open }) => {
  test('survives kill -9 between its commit and its sending, and arrives once', async () => {
    using folder = temporaryFolder()
    await using database = await open()
    // It accepts the connection and stays silent, so the email is being sent when the server is killed.
    const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    const settings = {
      ...database.settings,
      SNAILPASS_SECRET_KEY: 'the key of the email test',
      SNAILPASS_MAIL_URL: `smtp://127.0.0.1:${silent.port}`,
      SNAILPASS_MAIL_FROM: 'vault@nas.local',
    }
    {
      await using server = await serve(folder.path, settings)
      expect((await signUp(server.url)).status).toBe(201)
      await server.end('SIGKILL')
    }
    silent.stop(true)
    await using mail = await startMailServer()
    // If other servers may use the database, the lease of the killed one has to end first.
    await database.endLeases()
    await using server = await serve(folder.path, {
      ...settings,
      SNAILPASS_MAIL_URL: `smtp://127.0.0.1:${mail.port}`,
    })
    const message = await mail.next()
    expect(message.to).toEqual([email])
    // Each start has another port. The link has the one of the sign-up.
    await fetch(new URL(new URL(linkIn(message)).pathname, server.url), { method: 'POST' })
    expect((await login(server.url)).status).toBe(200)
    await server.end('SIGTERM')
    expect(mail.emails).toHaveLength(1)
  }, 300_000)

  test('can be listed and retried by an operator while the server runs', async () => {
    using folder = temporaryFolder()
    await using database = await open()
    await using mail = await startMailServer()
    mail.refusals.push({ code: 554, text: 'never' })
    const environment = {
      ...database.settings,
      ...settingsFor(mail),
      SNAILPASS_DATA_DIR: folder.path,
    }
    await using server = await serve(folder.path, environment)
    await signUp(server.url)
    const isDead = async () =>
      (await run(['mail', 'list'], { environment })).stdout.includes('dead')
    await until(isDead, 'the email to be given up', { interval: 50 })
    const { stdout } = await run(['mail', 'list'], { environment })
    expect(stdout).toMatch(
      /^ID .*\n[0-9a-f]{16} {2}dead {3}given up {6}1 {9}owner@nas\.local {2}.*554 never \(<owner@nas\.local>\)\n$/,
    )
    const wrong = await run(['mail', 'retry', 'nonsense'], { environment })
    expect(wrong).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('error: there is no email nonsense to retry'),
    })
    for (const choice of [[], ['--dead', '--all'], ['an-id', '--all']]) {
      expect((await run(['mail', 'retry', ...choice], { environment })).code).toBe(2)
    }
    const retried = await run(['mail', 'retry', '--dead'], { environment })
    expect(retried).toEqual({ code: 0, stdout: '', stderr: '1 email will be retried.\n' })
    // Nothing else wakes the server.
    expect((await mail.next()).to).toEqual([email])
    const isEmpty = async () =>
      (await run(['mail', 'list'], { environment })).stderr === 'No pending emails.\n'
    await until(isEmpty, 'the outbox to be empty', { interval: 50 })
  }, 300_000)
})

describe('a refusal by the mail server', () => {
  test.each([
    ['sender', { code: 550, text: 'not you', at: 'sender' }, 'the sender of this server: 550 not'],
    ['server', { code: 554, text: '5.7.1 Relay access denied', at: 'recipient' }, 'to send for'],
  ] as const)(
    'that is about the %s is named in log, list and doctor, and the email sent once it is fixed',
    async (about, refusal, reason) => {
      using folder = temporaryFolder()
      await using mail = await startMailServer()
      mail.refusals.push(refusal)
      const environment = { ...settingsFor(mail), SNAILPASS_DATA_DIR: folder.path }
      await using server = await serve(folder.path, environment)
      await signUp(server.url)
      const line = () => server.log.find((each) => each.includes('will be retried'))
      expect(await until(line, 'the log line of the refusal')).toMatch(
        new RegExp(`warn +email not sent.* attempts=1 about=${about} reason="the mail server`),
      )
      expect(line()).toContain(`the mail server refuses ${reason}`)
      expect(line()).not.toContain(email)
      const list = await run(['mail', 'list'], { environment })
      expect(list.stdout).toMatch(/^[0-9a-f]{16} {2}queued {2}2/m)
      expect(list.stdout).toContain(`1         ${email}  the mail server refuses ${reason}`)
      const doctor = await run(['doctor'], { environment })
      expect(doctor.stdout.replaceAll(/\s+/g, ' ')).toContain(
        `1 email could not be sent yet: the mail server refuses ${reason}`,
      )
      const retried = await run(['mail', 'retry', '--all'], { environment })
      expect(retried.stderr).toBe('1 email will be retried.\n')
      expect((await mail.next()).to).toEqual([email])
    },
    300_000,
  )

  test('that is about the recipient is final', async () => {
    using folder = temporaryFolder()
    await using mail = await startMailServer()
    mail.refusals.push({ code: 550, text: 'no such user', at: 'recipient' })
    const environment = { ...settingsFor(mail), SNAILPASS_DATA_DIR: folder.path }
    await using server = await serve(folder.path, environment)
    await signUp(server.url)
    const line = () => server.log.find((each) => each.includes('given up'))
    expect(await until(line, 'the log line of the refusal')).toContain('about=recipient')
    const list = await run(['mail', 'list'], { environment })
    expect(list.stdout).toContain('given up      1  ')
    // Anyone can sign up with a wrong address, which must not alarm the operator.
    const doctor = await run(['doctor'], { environment })
    expect(doctor.stdout).toContain('accepts the sign-in; 1 email given up')
    expect(doctor.stdout).not.toContain('no such user')
  }, 300_000)
})

test('two servers on one Postgres send a hundred emails, each of them once', async () => {
  await using database = await createPostgresDatabase()
  await using mail = await startMailServer()
  const settings = {
    ...settingsFor(mail),
    SNAILPASS_DATABASE_URL: database.url,
    SNAILPASS_SECRET_KEY: 'the key of both servers',
  }
  await using first = await startTestServer({ settings })
  await using second = await startTestServer({ settings })
  const addresses = Array.from({ length: 100 }, (_, index) => `user${index}@nas.local`)
  await Promise.all(
    [first, second].map(async ({ url }, offset) => {
      for (const address of addresses.filter((_, index) => index % 2 === offset)) {
        expect((await signUp(url, address)).status).toBe(201)
      }
    }),
  )
  await until(() => mail.emails.length >= 100, 'a hundred emails')
  await Promise.all([first.stop(), second.stop()])
  expect(new Set(mail.emails.map(({ to }) => to[0]))).toEqual(new Set(addresses))
  expect(mail.emails).toHaveLength(100)
}, 300_000)

describe('without a mail server', () => {
  test('an operator confirms accounts by command, while the server runs', async () => {
    using folder = temporaryFolder()
    await using server = await serve(folder.path, { SNAILPASS_EMAIL_CONFIRMATION: 'required' })
    await untilLogged(server, 'confirm each account with `snailpass user confirm`')
    await signUp(server.url)
    expect((await login(server.url)).status).toBe(403)
    const confirm = (user: string) => run(['user', 'confirm', user, '--data-dir', folder.path])
    expect(await confirm('Owner@NAS.local')).toEqual({
      code: 0,
      stdout: '',
      stderr: 'Owner@NAS.local is confirmed and can sign in.\n',
    })
    expect((await login(server.url)).status).toBe(200)
    expect((await confirm(email)).stderr).toBe(
      'owner@nas.local is already confirmed (nothing to do).\n',
    )
    expect(await confirm('nobody@nas.local')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('error: there is no account nobody@nas.local\nhint: '),
    })
  })

  test('a server without confirmation lets in accounts that were asked to confirm before', async () => {
    using folder = temporaryFolder()
    {
      await using server = await serve(folder.path, { SNAILPASS_EMAIL_CONFIRMATION: 'required' })
      await signUp(server.url)
      await server.end('SIGTERM')
    }
    await using server = await serve(folder.path)
    expect((await login(server.url)).status).toBe(200)
  })
})

test('an empty account that nobody confirmed for a week is removed, and its email can sign up again', async () => {
  using folder = temporaryFolder()
  const settings = { SNAILPASS_EMAIL_CONFIRMATION: 'required' }
  const week = 7 * 24 * 3_600_000
  const start = () => startTestServer({ settings, dataDir: folder.path })
  {
    await using server = await start()
    expect((await signUp(server.url)).status).toBe(201)
    expect((await signUp(server.url)).status).toBe(409)
  }
  {
    using database = new Database(join(folder.path, 'snailpass.db'))
    database.run(`update users set creation_time = creation_time - ${week + 1_000}`)
  }
  await using server = await start()
  await untilLogged(server, 'removed 1 unconfirmed account')
  expect((await signUp(server.url)).status).toBe(201)
}, 300_000)

describe('snailpass mail test', () => {
  const send = (url: string, environment: Record<string, string> = {}) =>
    run(['mail', 'test', email], {
      environment: {
        SNAILPASS_MAIL_URL: url,
        SNAILPASS_MAIL_FROM: 'vault@nas.local',
        ...environment,
      },
    })

  test('prints the reply of the server, over TLS, over STARTTLS and without encryption', async () => {
    using folder = temporaryFolder()
    const { authority, certified } = await certificates(folder.path)
    const trusting = { NODE_EXTRA_CA_CERTS: authority }
    await using tls = await startMailServer({ ...certified, secure: true })
    await using starttls = await startMailServer(certified)
    await using plain = await startMailServer()
    for (const [url, mail] of [
      [`smtps://localhost:${tls.port}`, tls],
      [`smtp://localhost:${starttls.port}`, starttls],
      [`smtp://localhost:${plain.port}`, plain],
    ] as const) {
      const sent = await send(url, trusting)
      expect(sent).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^250 /),
        stderr: `localhost:${mail.port} accepted the email:\n`,
      })
      expect(mail.emails).toMatchObject([
        { to: [email], text: expect.stringContaining('Mail works') },
      ])
    }
  })

  test('trusts the certificates of SNAILPASS_MAIL_CA', async () => {
    using folder = temporaryFolder()
    const { authority, certified } = await certificates(folder.path)
    await using tls = await startMailServer({ ...certified, secure: true })
    await using starttls = await startMailServer(certified)
    const bundle = join(folder.path, 'bundle.pem')
    writeFileSync(bundle, `\ufeffour CAs\r\n${rootCertificates[0]}${readFileSync(authority)}`)
    const self = join(folder.path, 'self.pem')
    writeFileSync(self, certified.cert)
    for (const url of [`smtps://localhost:${tls.port}`, `smtp://localhost:${starttls.port}`]) {
      for (const file of [authority, bundle, self]) {
        const sent = await send(url, { SNAILPASS_MAIL_CA: file })
        expect(sent).toMatchObject({ code: 0, stdout: expect.stringMatching(/^250 /) })
      }
    }
    expect(tls.emails.length).toBe(3)
  }, 300_000)

  test('names a file of SNAILPASS_MAIL_CA that can not be used, as a server does at its start', async () => {
    using folder = temporaryFolder()
    const { certified } = await certificates(folder.path)
    const file = join(folder.path, 'ca.pem')
    const url = 'smtps://localhost:1'
    const damaged = certified.cert.replace(/\n./, '\n#')
    for (const [content, reason] of [
      [null, 'ENOENT'],
      ['not a certificate', 'it contains no certificate'],
      [certified.key, 'it contains no certificate'],
      [certified.cert + damaged, 'its certificate 2 is damaged'],
    ] as const) {
      rmSync(file, { force: true })
      if (content !== null) writeFileSync(file, content)
      const failed = await send(url, { SNAILPASS_MAIL_CA: file })
      expect(failed.code).toBe(2)
      expect(failed.stderr).toContain(`error: SNAILPASS_MAIL_CA (${file}) can't be used: `)
      expect(failed.stderr).toContain(reason)
    }
    const served = await run(['serve', '--data-dir', join(folder.path, 'data')], {
      environment: {
        SNAILPASS_LISTEN: '127.0.0.1:0',
        SNAILPASS_MAIL_URL: url,
        SNAILPASS_MAIL_FROM: email,
        SNAILPASS_MAIL_CA: file,
      },
    })
    expect(served.code).toBe(2)
    expect(served.stderr).toContain(`SNAILPASS_MAIL_CA (${file}) can't be used`)
  })

  test.skipIf(!hasMountNamespaces)("trusts the certificates of the system's store", async () => {
    using folder = temporaryFolder()
    const { authority, certified } = await certificates(folder.path)
    await using tls = await startMailServer({ ...certified, secure: true })
    const store = '/etc/ssl/certs'
    const settings = [
      `export SNAILPASS_MAIL_URL=smtps://localhost:${tls.port}`,
      'export SNAILPASS_MAIL_FROM=vault@nas.local',
    ]
    const mounts = [`mount -t tmpfs none ${store}`, `cp ${authority} ${store}/ca-certificates.crt`]
    const test = ['mail', 'test', email]
    const refused = await runMounted(settings.join('; '), test)
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('hint: the certificate has to be valid, for that host'),
    })
    expect(tls.emails).toEqual([])
    const sent = await runMounted([...settings, ...mounts].join('; '), test)
    expect(sent).toMatchObject({ code: 0, stdout: expect.stringMatching(/^250 /) })
    expect(tls.emails).toHaveLength(1)
  })

  test('introduces itself by the public URL, else by the sender, or as it is told', async () => {
    await using mail = await startMailServer()
    for (const settings of [
      { SNAILPASS_PUBLIC_URL: 'https://Vault.example.org:8443/sub/' },
      { SNAILPASS_PUBLIC_URL: 'http://192.168.1.5:5000' },
      {},
      { SNAILPASS_MAIL_EHLO_NAME: '192.0.2.1', SNAILPASS_PUBLIC_URL: 'https://vault.lan' },
    ]) {
      expect((await send(`smtp://localhost:${mail.port}`, settings)).code).toBe(0)
    }
    expect(mail.emails.map(({ clientName }) => clientName)).toEqual([
      'vault.example.org',
      'nas.local',
      'nas.local',
      '[192.0.2.1]',
    ])
  })

  test('explains the usual mistakes and what to do', async () => {
    using folder = temporaryFolder()
    const { certified } = await certificates(folder.path)
    await using untrusted = await startMailServer({ ...certified, secure: true })
    await using plain = await startMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (_auth, _session, callback) =>
        callback(Object.assign(new Error('bad credentials'), { responseCode: 535 })),
    })
    await using picky = await startMailServer({
      onMailFrom: (_address, _session, callback) =>
        callback(Object.assign(new Error('not you'), { responseCode: 550 })),
    })
    await using relay = await startMailServer({
      onRcptTo: (_address, _session, callback) =>
        callback(Object.assign(new Error('relay not permitted'), { responseCode: 550 })),
    })
    for (const [url, hint] of [
      ['smtp://localhost:1', 'check host and port'],
      [`smtps://localhost:${picky.port}`, 'usually on port 465'],
      [`smtps://localhost:${untrusted.port}`, 'a CA that this machine trusts'],
      [`smtp://me:secret@localhost:${plain.port}`, 'app password'],
      [`smtp://localhost:${picky.port}`, 'SNAILPASS_MAIL_FROM'],
      [`smtp://localhost:${relay.port}`, 'check user and password, SNAILPASS_MAIL_FROM'],
    ] as const) {
      const failed = await send(url)
      expect(failed.code, url).toBe(1)
      expect(failed.stderr, url).toContain("error: can't send email through ")
      expect(failed.stderr, url).toContain(hint)
      expect(failed.stderr, url).not.toContain('secret')
    }
    const unset = await run(['mail', 'test', email])
    expect(unset.stderr).toStartWith('error: email is off: no mail server is set\nhint: ')
  })
})

/** Issues a certificate for localhost. Returns it and the authority that a client must trust for it. */
async function certificates(folder: string) {
  const issuer = await createTestAuthority()
  const { certificate, key } = await issuer.issue({ names: ['localhost'] })
  const authority = join(folder, 'ca.pem')
  writeFileSync(authority, issuer.certificate)
  return { authority, certified: { cert: certificate, key } }
}
