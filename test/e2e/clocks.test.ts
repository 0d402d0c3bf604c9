import { Database } from 'bun:sqlite'
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAccount } from '../support/accounts'
import { aRecord, createSender, logIn, signUpAndLogIn } from '../support/client'
import { type RunningServer, run, serve, temporaryFolder, untilLogged } from '../support/executable'
import { type FakedTime, fakeTimeOfProcesses } from '../support/faked-time'
import { until } from '../support/until'

setDefaultTimeout(300_000)

/** Everything that can be deleted by age is, after a day. */
const settings = {
  SNAILPASS_AUDIT_DAYS: '1',
  SNAILPASS_UNCONFIRMED_DAYS: '1',
  SNAILPASS_EMAIL_CONFIRMATION: 'required',
  SNAILPASS_LOG_FORMAT: 'json',
}

const readyz = async ({ url }: RunningServer) =>
  (await (await fetch(new URL('/readyz', url))).json()) as {
    status: string
    warnings?: { kind: string; detail: string }[]
  }

const kindsOf = async (server: RunningServer) =>
  (await readyz(server)).warnings?.map(({ kind }) => kind) ?? []

/** A data folder with an account that is not confirmed, and its rows of the audit log. */
async function createInstallation() {
  const folder = temporaryFolder()
  await createAccount({ dataDir: folder.path }, 'owner')
  const sql = <Row>(statement: string): Row[] => {
    using database = new Database(join(folder.path, 'snailpass.db'))
    return database.query<Row, []>(statement).all()
  }
  sql('update users set email_confirmed = 0, creation_time = creation_time - 1000')
  return {
    dataDir: folder.path,
    sql,
    /** What may have been deleted by age: accounts, and the rows of the audit log. */
    rows: () => [sql('select id from users'), sql('select seq, kind from audit order by seq')],
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

function command(args: readonly string[], dataDir: string, time: FakedTime) {
  const environment = { ...settings, ...time.environment }
  return run([...args, '--data-dir', dataDir], { environment })
}

/** The first rounds of all background work are over: that of the audit writer comes last in each. */
const settle = (server: RunningServer) => untilLogged(server, 'audit log head')

describe('a server that is started with a clock', () => {
  test.each([3, 30, 3_652])(
    '%d days ahead deletes nothing, says so, and goes on when it is right',
    async (days) => {
      using installation = await createInstallation()
      using time = fakeTimeOfProcesses(days)
      const { dataDir, rows } = installation
      const before = rows()
      // Twice: what the first run wrote is no evidence for the second.
      for (const name of ['first', 'second']) {
        await using server = await serve(dataDir, { ...settings, ...time.environment })
        await settle(server)
        expect(await kindsOf(server)).toEqual(['implausible_clock'])
        await untilLogged(server, 'nothing is deleted by age')
        await signUpAndLogIn(server.url, name).catch(() => {})
        expect(await server.end('SIGTERM')).toBe(0)
      }
      const [users, audit] = rows()
      expect(users).toEqual(expect.arrayContaining(before[0] ?? []))
      expect(users).toHaveLength(3)
      expect(audit?.slice(0, before[1]?.length)).toEqual(before[1] ?? [])

      const pruning = await command(['audit', 'prune'], dataDir, time)
      expect(pruning.code).not.toBe(0)
      expect(pruning.stderr).toContain(
        'error: no row was removed: the clock of this machine may be ahead',
      )
      expect(pruning.stderr).toContain('hint: set the clock')
      const doctor = await command(['doctor', '--json'], dataDir, time)
      expect(doctor.stdout).toContain('the clock of this machine may be ahead: it shows ')
      expect(doctor.code).not.toBe(0)

      time.set(0)
      await using server = await serve(dataDir, { ...settings, ...time.environment })
      expect(await kindsOf(server)).toEqual([])
      await settle(server)
      expect(rows()[0]).toHaveLength(3)
    },
  )

  test.each([-3, -200])('%d days behind its newest row says so', async (days) => {
    using installation = await createInstallation()
    const { dataDir, sql, rows } = installation
    const before = rows()
    // The build is older than the rows.
    sql(`update users set creation_time = creation_time + ${300 * 86_400_000}`)
    using time = fakeTimeOfProcesses(300 + days)
    await using server = await serve(dataDir, { ...settings, ...time.environment })
    await settle(server)
    const [warning] = (await readyz(server)).warnings ?? []
    expect(warning?.kind).toBe('implausible_clock')
    expect(rows().map((list) => list.length)).toEqual(before.map((list) => list.length))
  })

  test('of 1970 keeps what was written then, once the clock is right', async () => {
    using folder = temporaryFolder()
    using time = fakeTimeOfProcesses(-20_400)
    {
      await using server = await serve(folder.path, { ...settings, ...time.environment })
      const [warning] = (await readyz(server)).warnings ?? []
      expect(warning?.detail).toMatch(/shows 197\d-.*this version was built at 20/)
      await signUpAndLogIn(server.url, 'owner').catch(() => {})
      expect(await server.end('SIGTERM')).toBe(0)
    }
    time.set(0)
    await using server = await serve(folder.path, { ...settings, ...time.environment })
    await settle(server)
    expect(await kindsOf(server)).toEqual([])
    using database = new Database(join(folder.path, 'snailpass.db'), { readonly: true })
    const read = () => database.query('select creation_time from users').values().flat().map(Number)
    // Its age is counted from now on.
    await until(() => read().every((created) => created > Date.now() - 60_000), 'the new date')
    expect(read()).toHaveLength(1)
    expect(database.query("select kind from audit where kind = 'sign-up'").values()).toHaveLength(1)
  })
})

describe('a running server', () => {
  test('whose clock jumps forward and back goes on, and tells while it is wrong', async () => {
    using folder = temporaryFolder()
    const account = await createAccount({ dataDir: folder.path }, 'owner')
    using time = fakeTimeOfProcesses()
    const environment = { SNAILPASS_TOKEN_SECONDS: '600', ...time.environment }
    await using server = await serve(folder.path, environment)
    expect(await kindsOf(server)).toEqual([])
    const credentials = {
      userId: account.userId,
      email: 'owner@nas.local',
      masterPasswordHash: Buffer.from('hash of owner').toString('base64'),
    }
    for (const days of [3, 3_652, -3_652]) {
      time.set(days)
      await until(async () => (await kindsOf(server)).includes('implausible_clock'), 'the warning')
      const wrong = await logIn(server.url, credentials)
      expect((await wrong.send('POST', '/records', aRecord())).status).toBe(201)
      time.set(0)
      expect((await createSender(server.url, wrong.token)('GET', '/records')).status).toBe(401)
      await until(async () => (await kindsOf(server)).length === 0, 'a plausible clock')
      const right = await logIn(server.url, credentials)
      expect((await right.send('GET', '/records')).status).toBe(200)
    }
  })

  test('counts its limits by real time', async () => {
    using folder = temporaryFolder()
    await createAccount({ dataDir: folder.path }, 'owner')
    using time = fakeTimeOfProcesses()
    const limits = { SNAILPASS_RATE_LIMITS: 'guesses=2/1h', ...time.environment }
    await using server = await serve(folder.path, limits)
    const guess = async (password: string) =>
      (
        await fetch(new URL('/login', server.url), {
          headers: { authorization: `Basic ${btoa(`stranger@nas.local:${password}`)}` },
        })
      ).status
    expect([await guess('a'), await guess('b'), await guess('c')]).toEqual([401, 401, 429])
    for (const days of [3, 3_652, -3_652]) {
      time.set(days)
      expect(await guess(`at ${days}`)).toBe(429)
    }
  })
})

describe('backups', () => {
  const names = (dataDir: string) =>
    readdirSync(join(dataDir, 'backups'))
      .filter((name) => name.endsWith('.sqlite'))
      .sort()

  test('are created although one is from the future, and removed only by a plausible clock', async () => {
    using installation = await createInstallation()
    const { dataDir } = installation
    using time = fakeTimeOfProcesses()
    const backUp = async () => {
      const { code, stdout, stderr } = await command(['backup', '--prune'], dataDir, time)
      expect({ code, stderr }).toMatchObject({ code: 0 })
      return { path: stdout.trim(), stderr }
    }
    await backUp()
    const old = ['snailpass-20260901T020000Z.sqlite', 'snailpass-20260901T010000Z.sqlite']
    for (const name of old) writeFileSync(join(dataDir, 'backups', name), '')
    for (const days of [3_652, -20_400]) {
      time.set(days)
      const { stderr } = await backUp()
      expect(stderr).toContain('warning: no old backup was removed: the clock of this machine')
    }
    expect(names(dataDir)).toHaveLength(5)
    time.set(0)
    const last = await backUp()
    expect(last.stderr).toContain(`Removed: ${join(dataDir, 'backups', old[1] ?? '')}`)
    const today = last.path.slice(0, -'T000000Z.sqlite'.length).split('/').at(-1) ?? ''
    const [of1970, ofSeptember, ofToday, of2036, ...others] = names(dataDir)
    expect(of1970).toMatch(/-197\d/)
    expect(ofSeptember).toBe(old[0])
    expect(ofToday).toStartWith(today.slice(0, 'snailpass-20261126'.length))
    expect(of2036).toMatch(/-203\d/)
    expect(others).toEqual([])
  })
})
