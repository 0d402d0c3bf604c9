import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { chmodSync, copyFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAccount } from '../support/accounts'
import { aRecord } from '../support/client'
import { executable, run, serve, temporaryFolder } from '../support/executable'
import { changeDatabase, type Installation, installations } from '../support/installations'
import { startMailServer } from '../support/mail'
import { startPostgresFirst } from '../support/postgres'

startPostgresFirst('newest')

interface CheckResult {
  readonly name: string
  readonly fact: string | null
  readonly findings: readonly { what: string; why: string; fix: string }[]
  readonly fixed: readonly string[]
  readonly failure: string | null
}

async function doctor(
  { dataDir, environment }: Installation,
  options: { args?: readonly string[]; environment?: Record<string, string> } = {},
) {
  const { code, stdout, stderr } = await run(
    ['doctor', '--json', '--data-dir', dataDir, ...(options.args ?? [])],
    { environment: { SNAILPASS_SIGNUPS: 'invited', ...environment, ...options.environment } },
  )
  expect(stderr).toBe('')
  const { checks: checked }: { checks: CheckResult[] } = JSON.parse(stdout)
  return {
    code,
    checked,
    found: checked.flatMap(({ findings }) => findings.map(({ what }) => what)),
  }
}

/** Gives an installation an account, a record and a verified backup. */
async function makeHealthy(installation: Installation): Promise<void> {
  await createAccount(installation, 'owner', (client) => client.send('POST', '/records', aRecord()))
  const { dataDir, environment } = installation
  chmodSync(dataDir, 0o700)
  expect((await run(['backup', '--data-dir', dataDir], { environment })).code).toBe(0)
}

describe.each(installations)('snailpass doctor, on $engine,', ({ install }) => {
  test('finds nothing in a healthy installation, with a running server and without one', async () => {
    await using installation = await install()
    await makeHealthy(installation)
    expect(await doctor(installation)).toMatchObject({ code: 0, found: [] })
    await using server = await serve(installation.dataDir, installation.environment)
    const { code, checked } = await doctor(installation)
    expect({ code, failed: checked.filter(({ failure }) => failure !== null) }).toEqual({
      code: 0,
      failed: [],
    })
    await server.end('SIGTERM')
    const { dataDir, environment } = installation
    const result = await run(['doctor', '--data-dir', dataDir], {
      environment: { ...environment, SNAILPASS_SIGNUPS: 'invited' },
    })
    expect(result.code).toBe(0)
    expect(result.stdout).toMatch(/^ok database +\d+ rows?, integrity check passed$/m)
  }, 300_000)

  test('finds each problem, and fixes those that --fix is for', async () => {
    await using installation = await install()
    const { dataDir, environment } = installation
    const early = await doctor(installation)
    expect(early.code).toBe(1)
    expect(early.found.filter((what) => what.startsWith('there is no '))).toHaveLength(1)
    {
      await using server = await serve(dataDir, environment)
      await server.end('SIGTERM')
    }
    chmodSync(dataDir, 0o755)
    chmodSync(join(dataDir, 'secret.key'), 0o644)
    const open = await doctor(installation)
    expect(open.code).toBe(1)
    expect(open.found).toEqual([
      `other users of this machine can read ${join(dataDir, 'secret.key')}`,
      `other users of this machine can read ${dataDir}`,
      'there is no verified backup yet',
    ])
    const fixed = await doctor(installation, { args: ['--fix'] })
    expect({ code: fixed.code, found: fixed.found }).toEqual({ code: 0, found: [] })
    expect(fixed.checked.flatMap((each) => each.fixed)).toHaveLength(3)
    expect(statSync(join(dataDir, 'secret.key')).mode & 0o777).toBe(0o600)
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)

    // The clock: a row from tomorrow.
    await signUpRow(installation)
    await changeDatabase(
      installation,
      `update users set creation_time = ${Date.now() + 86_400_000}`,
    )
    expect((await doctor(installation)).found[0]).toStartWith('the clock of this machine is behind')
    await changeDatabase(installation, 'update users set creation_time = 1')

    // The newest backup: gone, too old, failed.
    const folder = join(dataDir, 'backups')
    for (const name of readdirSync(folder)) rmSync(join(folder, name))
    expect((await doctor(installation)).found[0]).toStartWith('the newest verified backup is gone')
    const state = (verified: unknown, failure: unknown) =>
      changeDatabase(
        installation,
        `update facts set value = '${JSON.stringify({ since: 1, claimedUntil: 0, verified, failure })}' where name = 'backups'`,
      )
    await state({ time: 1, path: '/a', host: 'elsewhere' }, null)
    expect((await doctor(installation)).found[0]).toStartWith('there is no recent backup')
    await state(null, { time: 1, reason: 'no space' })
    expect((await doctor(installation)).found).toEqual(['the last backup failed: no space'])

    // The secret key: another one, and none.
    writeFileSync(join(dataDir, 'secret.key'), `${'A'.repeat(43)}\n`)
    expect((await doctor(installation)).found[0]).toBe('the database has another secret key')
    rmSync(join(dataDir, 'secret.key'))
    expect((await doctor(installation)).found[0]).toBe('the secret key of the database is missing')
  }, 300_000)
})

/** Adds an account while no server runs. */
async function signUpRow({ dataDir, environment }: Installation): Promise<void> {
  const added = await run(
    ['user', 'add', 'a@nas.local', '--password-stdin', '--data-dir', dataDir],
    { environment, stdin: 'eleven characters\n' },
  )
  expect(added.code).toBe(0)
}

const [sqlite] = installations
if (sqlite === undefined) throw new Error('no engine')

describe('snailpass doctor', () => {
  test('finds a missing mail server, wrong settings, a full disk and open sign-up', async () => {
    await using installation = await sqlite.install()
    await makeHealthy(installation)
    {
      await using mail = await startMailServer()
      const settings = {
        SNAILPASS_MAIL_URL: `smtp://127.0.0.1:${mail.port}`,
        SNAILPASS_MAIL_FROM: 'vault@nas.local',
      }
      expect((await doctor(installation, { environment: settings })).found).toEqual([])
      await mail[Symbol.asyncDispose]()
      const away = await doctor(installation, { environment: settings })
      expect(away.found).toHaveLength(1)
      expect(away.found[0]).toStartWith(`the mail server 127.0.0.1:${mail.port} can't be used`)
    }
    const misspelt = await doctor(installation, { environment: { SNAILPASS_LISTN: '0.0.0.0:1' } })
    expect(misspelt.found).toEqual([
      'SNAILPASS_LISTN is set, but there is no such setting: did you mean SNAILPASS_LISTEN?',
    ])
    const wrong = await doctor(installation, { environment: { SNAILPASS_TOKEN_SECONDS: 'x' } })
    expect(wrong.found).toHaveLength(1)
    const several = await doctor(installation, {
      environment: { SNAILPASS_TOKEN_SECONDS: 'x', SNAILPASS_LISTEN: 'x' },
    })
    expect(several.checked[0]?.findings).toEqual([
      {
        what: 'invalid SNAILPASS_LISTEN "x": use HOST:PORT or unix:/PATH',
        why: "the server can't start",
        fix: expect.stringContaining('examples of addresses are'),
      },
      {
        what: 'invalid SNAILPASS_TOKEN_SECONDS "x": use a whole number from 1 to 2592000',
        why: "the server can't start",
        fix: 'snailpass config',
      },
    ])
    const space = await doctor(installation, {
      environment: { SNAILPASS_MIN_FREE_SPACE: '999999999 GB' },
    })
    expect(space.found[0]).toStartWith('the disk is full')
    const exposed = await doctor(installation, {
      environment: { SNAILPASS_SIGNUPS: 'open', SNAILPASS_PUBLIC_URL: 'https://vault.example.org' },
    })
    expect(exposed.found[0]).toStartWith('anyone on the internet can create an account')
  }, 300_000)

  test.skipIf(process.getuid?.() !== 0)(
    'reports what it could not check as a user without access',
    async () => {
      await using installation = await sqlite.install()
      await makeHealthy(installation)
      using folder = temporaryFolder()
      chmodSync(folder.path, 0o755)
      const program = join(folder.path, 'snailpass')
      copyFileSync(executable, program)
      const { dataDir } = installation
      const result = await run(['doctor', '--json', '--data-dir', dataDir], {
        environment: { SNAILPASS_SIGNUPS: 'invited' },
        program: ['/usr/bin/setpriv', '--reuid=65534', '--clear-groups', program],
      })
      const { checks: checked }: { checks: CheckResult[] } = JSON.parse(result.stdout)
      const failed = checked.filter(({ failure }) => failure !== null)
      expect({ code: result.code, failed: failed.map(({ name }) => name) }).toEqual({
        code: 4,
        failed: ['database', 'secret key', 'accounts', 'history', 'audit', 'clock', 'backups'],
      })
      expect(failed[0]?.failure).toEndWith(': run this as the user of the server, or as root')
    },
    300_000,
  )

  test('finds a damaged database, and a row without an owner', async () => {
    await using installation = await sqlite.install()
    await makeHealthy(installation)
    const path = installation.url.slice('sqlite:'.length)
    {
      using file = new Database(path)
      file.run('pragma foreign_keys = off')
      file.run("update records set user_id = 'nobody'")
    }
    expect((await doctor(installation)).found).toEqual([
      'the database is damaged: 1 row of records without their users',
    ])
    const bytes = Buffer.from(await Bun.file(path).bytes())
    bytes.fill(0xff, 4_096, 3 * 4_096)
    writeFileSync(path, bytes)
    const damaged = await doctor(installation)
    expect(damaged.code).toBe(1)
    expect(damaged.found[0]).toContain('is damaged')
  }, 300_000)
})
