import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAccount } from '../support/accounts'
import { basicAuth, signUpAndLogIn } from '../support/client'
import { run, serve } from '../support/executable'
import { type Installation, installations } from '../support/installations'
import { queryPostgres, startPostgresFirst } from '../support/postgres'

startPostgresFirst('newest')

function snailpass({ dataDir, environment }: Installation, args: readonly string[], more = {}) {
  return run([...args, '--data-dir', dataDir], { environment: { ...environment, ...more } })
}

/** Changes the database as someone with access to it. */
async function tamper({ url }: Installation, text: string): Promise<void> {
  if (!url.startsWith('sqlite:')) return void (await queryPostgres(url, text))
  using file = new Database(url.slice('sqlite:'.length))
  file.run('pragma busy_timeout = 5000')
  file.run(text)
}

async function kinds(installation: Installation, args: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await snailpass(installation, ['audit', '--json', ...args])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout).map(({ kind }: { kind: string }) => kind)
}

describe.each(installations)('snailpass audit, on $engine,', ({ install }) => {
  test('prints and verifies the audit log while a server runs, and finds a row that was changed', async () => {
    await using installation = await install()
    await using server = await serve(installation.dataDir, installation.environment)
    await signUpAndLogIn(server.url, 'owner')
    expect((await snailpass(installation, ['user', 'logout', 'owner@nas.local'])).code).toBe(0)

    const { stdout: table } = await snailpass(installation, ['audit'])
    const lines = table.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^TIME +KIND +COUNT +BY +ADDRESS +EMAIL +DETAIL$/)
    expect(lines[2]).toMatch(/^20\S+T\S+Z +sign-up +1 +user +127\.0\.0\.1 +owner@nas\.local$/)
    expect(lines[4]).toMatch(/^20\S+Z +sessions-ended +1 +operator +- +owner@nas\.local$/)
    const rows = JSON.parse((await snailpass(installation, ['audit', '--json'])).stdout)
    expect(rows[1]).toEqual({
      ...{ number: 2, time: expect.stringMatching(/^20\S+Z$/), kind: 'sign-up', actor: 'user' },
      ...{ user_id: expect.stringMatching(/^[0-9a-f-]{36}$/), email: 'owner@nas.local' },
      ...{ address: '127.0.0.1', count: 1, detail: null },
    })
    expect(await kinds(installation, ['--user', 'Owner@nas.local'])).toEqual([
      'sign-up',
      'login',
      'sessions-ended',
    ])
    expect(await kinds(installation, ['--since', '2099-01-01'])).toEqual([])
    expect((await kinds(installation, ['--since', '1h'])).length).toBeGreaterThan(3)

    const verified = await snailpass(installation, ['audit', 'verify'])
    expect(verified).toMatchObject({ code: 0, stderr: expect.stringContaining(' rows verified') })
    const value = verified.stdout.trimEnd()
    expect(value).toMatch(/^\d+:[0-9a-f]{64}$/)
    const logged = /newest=(\S+)/.exec(server.log.join('\n'))?.[1] ?? ''
    for (const expected of [value, logged]) {
      const { code } = await snailpass(installation, ['audit', 'verify', '--expect', expected])
      expect(code).toBe(0)
    }
    // The server buffers this for a while, and writes it at its end at the latest.
    await fetch(new URL('/login', server.url), {
      headers: { authorization: basicAuth('nobody@nas.local', 'wrong') },
    })
    await server.end('SIGTERM')
    expect((await kinds(installation, [])).slice(-1)).toEqual(['login-failed'])

    const rolledBack = await snailpass(installation, [
      ...['audit', 'verify', '--expect', value.replace(/^\d+/, '99')],
    ])
    expect(rolledBack).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^error: that value is not in the audit log\nhint: /),
    })
    await tamper(installation, `update audit set email = 'other@nas.local' where seq = 2`)
    await tamper(installation, 'delete from audit where seq > 4')
    const found = await snailpass(installation, ['audit', 'verify'])
    expect({ code: found.code, stdout: found.stdout }).toEqual({ code: 1, stdout: '' })
    expect(found.stderr).toMatch(
      /^error: the audit log failed verification:\nerror: row 2 is not what was written there: .*\nerror: row 5 is missing at the end\nhint: /,
    )
    const doctor = await snailpass(installation, ['doctor', '--json'])
    expect(doctor.code).toBe(1)
    const { checks: checked }: { checks: { name: string; fact: string }[] } = JSON.parse(
      doctor.stdout,
    )
    expect(checked.find(({ name }) => name === 'audit')).toMatchObject({
      fact: '4 rows, verification failed',
      findings: [
        { what: expect.stringContaining('row 2 is not') },
        { what: expect.stringContaining('row 5 is missing at the end') },
      ],
    })
    // Reading the log still works, and so does a server.
    expect(await kinds(installation, [])).toHaveLength(4)
    await using again = await serve(installation.dataDir, installation.environment)
    expect((await signUpAndLogIn(again.url, 'other')).token).not.toBe('')
    expect((await snailpass(installation, ['audit', 'verify'])).code).toBe(1)
  }, 300_000)
})

describe('snailpass audit', () => {
  const [sqlite] = installations
  if (sqlite === undefined) throw new Error('no engine')

  test('refuses what it can’t do, with a hint', async () => {
    await using installation = await sqlite.install()
    const missing = await snailpass(installation, ['audit'])
    expect(missing).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no SnailPass database'),
    })
    await createAccount(installation, 'owner')
    for (const [args, code, message] of [
      [['audit', '--since', 'yesterday'], 2, 'error: invalid --since "yesterday"\nhint: '],
      [['audit', '--user', 'nobody@nas.local'], 3, 'error: there is no account nobody@'],
      [
        ['audit', 'verify', '--expect', 'x'],
        2,
        'error: invalid --expect "x": use NUMBER:MAC\nhint: ',
      ],
      [
        ['key', 'rotate', '--former-key', '/none'],
        2,
        'error: invalid --former-key "/none": can\'t read the file',
      ],
    ] as const) {
      const refused = await snailpass(installation, args)
      expect({ args, code: refused.code, stdout: refused.stdout }).toEqual({
        args,
        code,
        stdout: '',
      })
      expect(refused.stderr).toStartWith(message)
    }
    const key = join(installation.dataDir, 'secret.key')
    renameSync(key, `${key}.away`)
    const withoutKey = await snailpass(installation, ['user', 'disable', 'owner@nas.local'])
    expect({ code: withoutKey.code, stderr: withoutKey.stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^error: the secret key of this database is not in .*\nhint: run this with the settings/,
      ),
    })
    // Only the environment of the service may have the key.
    writeFileSync(`${key}.text`, 'a key of the settings\n')
    const environment = { SNAILPASS_SECRET_KEY: 'a key of the settings' }
    const rotated = await snailpass(
      installation,
      ['key', 'rotate', '--former-key', `${key}.away`],
      environment,
    )
    expect(rotated).toEqual({
      code: 0,
      stdout: '',
      stderr:
        'The database now uses the key in SNAILPASS_SECRET_KEY; everyone has to sign in again.\nThe audit log was signed again: 3 rows before, verified.\n',
    })
    const withKey = await snailpass(installation, ['user', 'disable', 'owner@nas.local'], {
      SNAILPASS_SECRET_KEY_FILE: `${key}.text`,
    })
    expect(withKey).toMatchObject({ code: 0, stderr: expect.stringContaining('is disabled') })
    expect(await kinds(installation, [])).toEqual([
      ...['trail-begun', 'sign-up', 'login', 'key-rotated'],
      ...['sessions-ended', 'user-disabled'],
    ])
  }, 300_000)

  test('prunes old rows on request', async () => {
    await using installation = await sqlite.install()
    await (await serve(installation.dataDir)).end('SIGTERM')
    const prune = (days: string, ...options: readonly string[]) =>
      snailpass(installation, ['audit', 'prune', ...options], { SNAILPASS_AUDIT_DAYS: days })
    expect(await prune('1')).toEqual({ code: 0, stdout: '', stderr: 'Removed 0 rows.\n' })
    // A row with a forged old time fails verification, so it stays.
    await tamper(installation, `update audit set time = ${Date.UTC(2026, 0, 2)}`)
    expect(await prune('0')).toMatchObject({ stderr: 'Removed 0 rows.\n' })
    expect(await prune('1')).toEqual({
      ...{ code: 1, stdout: '' },
      stderr: expect.stringMatching(/^error: can't prune the audit log.*row 1 is not.*\nhint: /),
    })
    expect(await kinds(installation, [])).toEqual(['trail-begun'])
    expect(await prune('1', '--accept-broken-trail')).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^Accepted: row 1 is not what .*\nRemoved 1 row\.\n$/),
    })
    expect(await kinds(installation, [])).toEqual(['trail-accepted'])
    const verified = await snailpass(installation, ['audit', 'verify'])
    expect(verified.stderr).toBe('1 row verified; rows up to 1 pruned. Newest row:\n')
  }, 300_000)
})
