import { describe, expect, test } from 'bun:test'
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isCommonName } from '../../src/app/support/common-words'
import { settingKeys, settingTable } from '../../src/config/settings'
import { createAccount } from '../support/accounts'
import { aNote, aRecord } from '../support/client'
import { executable, run, serve, temporaryFolder } from '../support/executable'
import { identifyingShapes, markOf } from '../support/identifying-texts'
import { changeDatabase, installations } from '../support/installations'
import { startMailServer } from '../support/mail'
import { startPostgresFirst } from '../support/postgres'
import { createTemporaryFile } from '../support/settings-file'

startPostgresFirst('newest')

/** Every word of the tests that identifies somebody looks like that. */
const mark = /zq[a-z0-9]*7x/i

const stderrLine =
  'Left out: secrets, email addresses, public IP addresses, names of hosts, users and folders. Read the report before you post it.\n'

type Options = Parameters<typeof run>[1]

/** Returns a report, after it was searched for what must not be in it. */
async function reportOf(args: readonly string[], options: Options = {}) {
  const { code, stdout, stderr } = await run(['doctor', '--support', ...args], options)
  expect(stdout.match(mark), stdout).toBeNull()
  if (!isCommonName(hostname())) expect(stdout).not.toContain(hostname())
  expect(stderr).toStartWith(stderrLine)
  expect(stdout).toMatch(/^```text\nsnailpass \S+ \([^)]+\)\n\nMachine\n/)
  expect(stdout).toEndWith('\n```\n')
  for (const title of ['Machine', 'Database', 'Settings', 'Status', 'Checks'])
    expect(stdout).toContain(`\n\n${title}\n`)
  return { code, stdout }
}

describe.each(installations)('a support report, on $engine,', ({ engine, install }) => {
  test('has what was found, and nothing that identifies the installation', async () => {
    await using installation = await install()
    await using mail = await startMailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username = '' }, _, callback) =>
        callback(
          Object.assign(new Error(`no ${username} at zqprovider7x.example.net, 198.51.100.7`), {
            responseCode: 535,
          }),
        ),
    })
    using home = temporaryFolder()
    const folder = join(home.path, 'zqhome7x', 'zqdata7x and zqspace7x')
    mkdirSync(join(folder, 'backups'), { recursive: true, mode: 0o700 })
    const basic = {
      ...installation.environment,
      SNAILPASS_SECRET_KEY: 'zqsecret7x and more characters',
    }
    // Where this checkout is does not matter: the names of its folders would be hidden wherever they appear.
    const program = join(home.path, 'zqprograms7x', 'zqsnailpass7x')
    mkdirSync(join(home.path, 'zqprograms7x'))
    copyFileSync(executable, program)
    const environment = {
      ...basic,
      HOME: join(home.path, 'zqhome7x'),
      USER: 'zquser7x',
      SNAILPASS_PUBLIC_URL: 'https://zqhost7x.example.net/',
      SNAILPASS_ACME_EMAIL: 'zqacme7x@example.net',
      SNAILPASS_ACME_NAMES: 'zqhost7x.example.net',
      SNAILPASS_BACKUP_PASSPHRASE: 'zqpassphrase7x',
      SNAILPASS_BACKUP_DIR: join(folder, 'backups'),
      SNAILPASS_SIGNUPS_DOMAINS: 'zqdomain7x.example.net',
      SNAILPASS_MAIL_URL: `smtp://zqsmtp7x%40example.net:zqpassword7x@127.0.0.1:${mail.port}`,
      SNAILPASS_MAIL_FROM: 'Zqname7x Vault <zqsender7x@example.net>',
      SNAILPASS_TRUSTED_PROXIES: '198.51.100.0/24',
      SNAILPASS_EMAIL_CONFIRMATION: 'off',
    }
    await createAccount({ dataDir: folder, environment: basic }, 'zqowner7x', async (client) => {
      await client.send('POST', '/records', aRecord())
      await client.send('POST', '/notes', aNote())
    })
    const on = ['--data-dir', folder]
    const command = (...args: readonly string[]) => run([...args, ...on], { environment })
    expect((await command('user', 'invite', 'Zqguest7x@zqdomain7x.example.net')).code).toBe(0)
    // Without a passphrase, which takes seconds.
    const backupOptions = ['--to', `${environment.SNAILPASS_BACKUP_DIR}/`, ...on]
    expect((await run(['backup', ...backupOptions], { environment: basic })).code).toBe(0)
    const database =
      engine === 'SQLite' ? { ...installation, url: `sqlite:${folder}/snailpass.db` } : installation
    // Adopted accounts of one mailbox, an email that was not sent, and the table of another program.
    for (const statement of [
      "update users set email = 'zq twin7x zqtwin7x'",
      "update outbox set attempts = 1, reason = 'no mailbox zqguest7x <zqguest7x@zqdomain7x.example.net>'",
      'create table zqtable7x (x integer)',
    ])
      await changeDatabase(database, statement)

    await using server = await serve(folder, environment)
    const { code, stdout } = await reportOf(on, {
      environment,
      program: [program],
      cwd: join(home.path, 'zqprograms7x'),
    })
    expect(code).toBe((await command('doctor')).code)
    expect(stdout).not.toContain('198.51.100.')
    expect(stdout).toContain(`  engine        ${engine} `)
    expect(stdout).toMatch(/^ {2}SNAILPASS_PUBLIC_URL +environment +https:\/\/<host-\d+>\/$/m)
    expect(stdout).toMatch(/^ {2}SNAILPASS_SECRET_KEY +environment +•••$/m)
    expect(stdout).toMatch(/^ {2}SNAILPASS_BACKUP_DIR +environment +<home>\/<name-\d+>\/backups$/m)
    expect(stdout).toMatch(/^ {2}accounts +1$/m)
    expect(stdout).toMatch(/^ {2}vaults +1 record, 1 note: \S+ KB, /m)
    expect(stdout).toContain(`  addresses     ${server.url.href}\n`)
    expect(stdout).toMatch(/^ {2}last backup +\S+ \S+ UTC/m)
    expect(stdout).toMatch(/^ok database +\d+ rows, integrity check passed; not of SnailPass/m)
    expect(stdout).toMatch(
      /^ {2}SNAILPASS_MAIL_URL +environment\s+smtp:\/\/<email-\d+>:•••@127.0.0.1:\d+$/m,
    )
    expect(stdout).toMatch(/^ {2}SNAILPASS_MAIL_FROM +environment +<name-\d+> <email-\d+>$/m)
    const oneLine = stdout.replaceAll(/\n +/g, ' ')
    expect(oneLine).toMatch(/left alone: the table <name-\d+>/)
    expect(oneLine).toMatch(/refuses the sign-in of this server: 535 no <email-\d+> at <host-\d+>/)
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    // A folder that is called like a word of the report would hide that word.
    const [, ownText = ''] = stdout.split('\nStatus\n')
    const words =
      ownText.replaceAll(/<[a-z]+-\d+>|^ok (?:version|file system) .*/gm, ' ').match(/\p{L}+/gu) ??
      []
    expect(words.length).toBeGreaterThan(100)
    expect(words.filter((word) => !isCommonName(word))).toEqual([])
  }, 300_000)
})

/** Where the lines of a report are wrapped depends on the lengths of paths. */
const inOneLine = (text: string) => text.replaceAll(/\s+/g, ' ')

describe('a support report of a broken installation', () => {
  test.each(identifyingShapes.map((shape) => [shape('TEXT'), shape] as const))(
    'does not repeat invalid settings: %p',
    async (_, shape) => {
      using folder = temporaryFolder()
      const environment = Object.fromEntries(
        settingKeys
          .filter((key) => key !== 'dataDir')
          .map((key) => [settingTable[key].name, shape(markOf(key))]),
      )
      const { code, stdout } = await reportOf(['--data-dir', folder.path], { environment })
      expect(code).toBe(1)
      expect(stdout).not.toContain('198.51.100.7')
      expect(stdout).toContain('not known: the settings have to be valid first')
      expect(stdout).toContain('SNAILPASS_TOKEN_SECONDS')
      expect(stdout).toMatch(/^! {2}settings {5}\d+ set/m)
    },
  )

  test('has the other parts if the settings file can not be read', async () => {
    using folder = temporaryFolder()
    const args = ['--config', join(folder.path, 'zqfile7x.env')]
    const { code, stdout } = await reportOf(args)
    expect(code).toBe((await run(['doctor', ...args])).code)
    expect(code).toBe(2)
    expect(inOneLine(stdout)).toContain("Settings not known: can't read the settings file /")
    expect(stdout).toContain('  processor     ')
  })

  test('has the other parts without a database, and with a damaged one', async () => {
    using folder = temporaryFolder()
    const on = ['--data-dir', join(folder.path, 'zqfolder7x')]
    const missing = await reportOf(on)
    expect(missing.code).toBe((await run(['doctor', ...on])).code)
    expect(missing.stdout).toContain('  engine        SQLite ')
    expect(missing.stdout).toMatch(/^ {2}problem\s+there is no SnailPass database at\s/m)
    mkdirSync(join(folder.path, 'zqfolder7x'), { mode: 0o700 })
    writeFileSync(
      join(folder.path, 'zqfolder7x', 'snailpass.db'),
      'SQLite format 3\0zqcontent7x '.repeat(500),
    )
    const damaged = await reportOf(on)
    expect(damaged.code).toBe(1)
    expect(damaged.stdout).toMatch(/^! {2}database/m)
    expect(damaged.stdout).toMatch(/^\? {2}accounts {5}the database has to be usable first$/m)
  })

  test('says that Postgres refuses the user, and not which one', async () => {
    const [, postgres] = installations
    if (postgres === undefined) throw new Error('no Postgres')
    await using installation = await postgres.install()
    const url = new URL(installation.url)
    url.username = 'zqrole7x'
    url.password = 'zqpassword7x'
    const on = ['--data-dir', installation.dataDir]
    for (const SNAILPASS_DATABASE_URL of [url.href, 'postgres://zqrole7x@localhost:1/zqname7x']) {
      const { code, stdout } = await reportOf(on, { environment: { SNAILPASS_DATABASE_URL } })
      expect(code).toBe(1)
      expect(stdout).toMatch(/^ {2}not known: /m)
      expect(stdout).toMatch(/^! {2}database$/m)
    }
  })

  test.skipIf(process.getuid?.() !== 0)('has the other parts of a closed data folder', async () => {
    using folder = temporaryFolder()
    chmodSync(folder.path, 0o755)
    const program = join(folder.path, 'snailpass')
    copyFileSync(executable, program)
    const dataDir = join(folder.path, 'zqclosed7x')
    mkdirSync(dataDir, { mode: 0o700 })
    const as = (uid: number) => ({
      program: ['/usr/bin/setpriv', `--reuid=${uid}`, '--clear-groups', program],
    })
    const { code, stdout } = await reportOf(['--data-dir', dataDir], as(65_534))
    expect(code).toBe((await run(['doctor', '--data-dir', dataDir], as(65_534))).code)
    expect(inOneLine(stdout)).toMatch(/Status not known: \S+ can't be used: EACCES/)
    expect(stdout).toMatch(/^\? {2}database/m)
  })
})

test('what the settings file has is hidden, also if a line of it can not be read', async () => {
  using file = createTemporaryFile(
    "SNAILPASS_SECRET_KEY=zqkey7x#zqrest7x\nzqline7x\nZQNAME7X=1\nSNAILPASS_ZQNAME7X='x\nMAIL_SERVER=zqmail7x.lan\n",
  )
  const { code, stdout } = await reportOf(['--config', file.path])
  expect(code).toBe(1)
  expect(stdout).toContain('# in a value without quotes')
})

test.each([['--json'], ['--fix']])('--support and %s exclude each other', async (option) => {
  using folder = temporaryFolder()
  const args = ['doctor', '--support', option, '--data-dir', folder.path]
  const { code, stdout, stderr } = await run(args)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(`option '--support' cannot be used with option '${option}'`)
})
