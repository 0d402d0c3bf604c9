import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { type Answer, answerOf, failure, success } from '../support/answers'
import { createTestApi } from '../support/api'
import {
  aNote,
  aRecord,
  basicAuth,
  beginRequest,
  type Client,
  createSender,
  signUpAndLogIn,
} from '../support/client'
import { temporaryFolder } from '../support/executable'
import { createPostgresDatabase, startPostgresFirst } from '../support/postgres'
import { startTestServer, type TestServer } from '../support/server'
import { queryRows } from '../support/store'
import { fakeClock } from '../support/timing'

startPostgresFirst('newest')

const day = 86_400_000
const invalidToken = failure(401, 'Authentication Error. Token is invalid')

/** An account at two servers of one database, which trust the client addresses that a test sends, and have one clock. */
interface Setup extends AsyncDisposable {
  readonly here: TestServer
  readonly elsewhere: TestServer
  readonly clock: ReturnType<typeof fakeClock>
  sql(text: string): Promise<Record<string, unknown>[]>
}

async function start(
  databaseUrl: string | null,
  settings: Readonly<Record<string, string>> = {},
): Promise<Setup> {
  const clock = fakeClock(Date.UTC(2026, 10, 23, 16))
  const folder = temporaryFolder()
  const startOne = () =>
    startTestServer({
      settings: {
        SNAILPASS_SECRET_KEY: 'the key of these tests',
        SNAILPASS_TRUSTED_PROXIES: '127.0.0.1',
        ...(databaseUrl !== null && { SNAILPASS_DATABASE_URL: databaseUrl }),
        ...settings,
      },
      runtime: { clock },
      ...(databaseUrl === null && { dataDir: folder.path }),
    })
  const here = await startOne()
  // SQLite has one server.
  const elsewhere = databaseUrl === null ? here : await startOne()
  const url = databaseUrl ?? `sqlite:${folder.path}/snailpass.db`
  return {
    ...{ here, elsewhere, clock },
    sql: (text) => queryRows(url, text),
    async [Symbol.asyncDispose]() {
      await elsewhere.stop()
      await here.stop()
      folder[Symbol.dispose]()
    },
  }
}

const engines: readonly {
  engine: string
  open: (settings?: Readonly<Record<string, string>>) => Promise<Setup>
}[] = [
  { engine: 'SQLite', open: (settings) => start(null, settings) },
  {
    engine: 'two servers of one Postgres',
    async open(settings) {
      const database = await createPostgresDatabase()
      const setup = await start(database.url, settings)
      return {
        ...setup,
        async [Symbol.asyncDispose]() {
          await setup[Symbol.asyncDispose]()
          await database[Symbol.asyncDispose]()
        },
      }
    },
  },
]

const email = 'owner@nas.local'
const hash = btoa('hash of owner')

function logInFrom({ url }: TestServer, address: string, userAgent: string): Promise<Response> {
  const authorization = basicAuth(email, hash)
  const headers = { authorization, 'x-forwarded-for': address, 'user-agent': userAgent }
  return fetch(new URL('/login', url), { headers })
}

const devicesOf = async (client: Client) =>
  (await (await client.send('GET', '/account/devices')).json()).devices

describe.each(engines)('the devices of an account on $engine', ({ open }) => {
  test('are those of its sign-ins, the last one first, without what they call themselves', async () => {
    await using setup = await open({ SNAILPASS_TOKEN_SECONDS: '86400' })
    const { here, elsewhere, clock, sql } = setup
    const owner = await signUpAndLogIn(here.url, 'owner')
    const stranger = await signUpAndLogIn(here.url, 'stranger')
    const first = clock()
    const secret = 'a text of a stranger'
    clock.advance(1_000)
    await logInFrom(here, '10.0.0.9', 'okhttp/4.9.0')
    await logInFrom(here, '10.0.0.9', secret)
    await logInFrom(elsewhere, '2001:db8:1:2::1', `Mozilla/5.0 (${secret}) Gecko/1 Firefox/140.0`)
    clock.advance(day / 2)
    await logInFrom(elsewhere, '10.0.0.9', 'okhttp/5.0.0')
    expect(await devicesOf(owner)).toMatchObject([
      { kind: 'firefox', network: '2001:db8:1:2::/64', last_seen: first + 1_000 },
      { kind: 'other', network: '10.0.0.9', last_seen: first + 1_000 },
      // To the day.
      {
        ...{ kind: 'android', network: '10.0.0.9' },
        ...{ first_seen: first + 1_000, last_seen: first + 1_000 },
      },
      { network: '127.0.0.1', first_seen: first, last_seen: first },
    ])
    clock.advance(day / 2)
    await logInFrom(elsewhere, '10.0.0.9', 'okhttp/5.0.0')
    const { token } = await (await logInFrom(here, '10.0.0.9', 'okhttp/5.0.0')).json()
    const [latest] = await devicesOf({ ...owner, send: createSender(here.url, token) })
    expect(latest).toEqual({
      ...{ kind: 'android', network: '10.0.0.9' },
      ...{ first_seen: first + 1_000, last_seen: first + 1_000 + day },
      is_current: false,
    })
    for (const table of ['devices', 'audit', 'users']) {
      expect(JSON.stringify(await sql(`select * from ${table}`))).not.toContain(secret)
    }
    expect([...here.log, ...elsewhere.log].join('\n')).not.toContain(secret)
    // Nobody sees those of others.
    expect(await sql('select distinct user_id from devices')).toHaveLength(2)
    const theirs = await signUpAndLogIn(here.url, 'another')
    expect(await devicesOf(theirs)).toHaveLength(1)
    expect(stranger.userId).not.toBe(owner.userId)
  })
})

describe.each(engines)('the device that asks on $engine', ({ open }) => {
  test('is the one of its kind and network, at every server, and none where it never signed in', async () => {
    await using setup = await open()
    const { here, elsewhere, sql } = setup
    const { token } = await signUpAndLogIn(here.url, 'owner')
    const firefox = (system: string) => `Mozilla/5.0 (${system}) Gecko/1 Firefox/140.0`
    for (const [address, agent] of [
      ['10.0.0.9', 'okhttp/4.9.0'],
      ['10.0.0.9', firefox('X11')],
      ['10.0.0.10', firefox('X11')],
      ['2001:db8:1:2::1', firefox('X11')],
      ['10.0.0.9', ''],
    ] as const)
      await logInFrom(here, address, agent)
    const before = await sql('select * from devices order by seq')
    const currentAt = async ({ url }: TestServer, address: string, agent: string) => {
      const headers = { 'x-access-token': token, 'x-forwarded-for': address, 'user-agent': agent }
      const { devices } = await (await fetch(new URL('/account/devices', url), { headers })).json()
      return devices.flatMap((device: Record<string, unknown>) =>
        device['is_current'] === true ? `${device['kind']} ${device['network']}` : [],
      )
    }
    const asked = [
      ['10.0.0.9', 'okhttp/5.0.0', ['android 10.0.0.9']],
      ['10.0.0.9', firefox('Windows'), ['firefox 10.0.0.9']],
      ['10.0.0.10', firefox('X11'), ['firefox 10.0.0.10']],
      ['::ffff:10.0.0.10', firefox('X11'), ['firefox 10.0.0.10']],
      ['2001:db8:1:2:ffff::9', firefox('X11'), ['firefox 2001:db8:1:2::/64']],
      ['10.0.0.9', '', ['windows 10.0.0.9']],
      // Another kind, address or network than those of the sign-ins.
      ['10.0.0.10', 'okhttp/5.0.0', []],
      ['10.0.0.11', firefox('X11'), []],
      ['2001:db8:1:3::1', firefox('X11'), []],
    ] as const
    for (const [address, agent, current] of asked)
      for (const server of [here, elsewhere])
        expect(await currentAt(server, address, agent), `${address} ${agent}`).toEqual([...current])
    expect(await sql('select * from devices order by seq')).toEqual(before)
  })
})

test('a device whose kind was not recorded is never the one that asks', async () => {
  await using setup = await start(null)
  const { here } = setup
  const owner = await signUpAndLogIn(here.url, 'owner')
  expect(await devicesOf(owner)).toMatchObject([{ is_current: true }])
  using database = new Database(join(here.dataDir, 'snailpass.db'))
  database.run("update devices set kind = 'unknown'")
  expect(await devicesOf(owner)).toMatchObject([{ kind: 'unknown', is_current: false }])
})

describe.each(engines)('signing out everywhere on $engine', ({ open }) => {
  test('ends every other session at every server, and a request under way changes nothing', async () => {
    await using setup = await open()
    const { here, elsewhere, sql } = setup
    const owner = await signUpAndLogIn(here.url, 'owner')
    const other = createSender(elsewhere.url, owner.token)
    expect((await other('GET', '/users')).status).toBe(200)
    const underWay = [
      beginRequest(elsewhere.url, owner.token, ['POST', '/records'], aRecord()),
      beginRequest(here.url, owner.token, ['POST', '/notes'], aNote()),
      beginRequest(elsewhere.url, owner.token, ['POST', '/account/vault'], { notes: [] }),
    ]
    const answer = await owner.send('DELETE', '/account/sessions')
    expect(answer.status).toBe(200)
    const { token, ...rest } = await answer.json()
    expect(rest).toEqual({})
    expect(await answerOf(other('GET', '/users'))).toEqual(invalidToken)
    for (const finish of underWay) expect(await answerOf(finish())).toEqual(invalidToken)
    expect(await answerOf(other('DELETE', '/account/sessions'))).toEqual(invalidToken)
    for (const table of ['records', 'notes'])
      expect(await sql(`select id from ${table}`)).toEqual([])
    for (const { url } of [here, elsewhere]) {
      expect((await createSender(url, token)('GET', '/users')).status).toBe(200)
    }
  })

  test('by two clients at once ends one of them', async () => {
    await using setup = await open()
    const { here, elsewhere } = setup
    const owner = await signUpAndLogIn(here.url, 'owner')
    const answers = await Promise.all(
      [here, elsewhere, here, elsewhere].map(({ url }) =>
        createSender(url, owner.token)('DELETE', '/account/sessions'),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401])
  })

  test('is in the audit log, and often does not fill it', async () => {
    await using setup = await open()
    const { here, sql } = setup
    let { token, userId } = await signUpAndLogIn(here.url, 'owner')
    for (let round = 0; round < 5; round++) {
      const answer = await createSender(here.url, token)('DELETE', '/account/sessions', undefined, {
        'x-forwarded-for': '10.0.0.9',
      })
      token = (await answer.json()).token
    }
    const rows =
      "select kind, actor, user_id, email, address from audit where kind like 'sessions%'"
    expect(await sql(rows)).toEqual([
      { kind: 'sessions-ended', actor: 'user', user_id: userId, email, address: '10.0.0.9' },
    ])
    await here.stop()
    const [sum] = await sql("select sum(count) as count from audit where kind = 'sessions-ended'")
    expect(Number(sum?.['count'])).toBe(5)
  })

  test('does not prolong the session that asks', async () => {
    await using setup = await open({ SNAILPASS_TOKEN_SECONDS: '600' })
    const { here, clock } = setup
    const owner = await signUpAndLogIn(here.url, 'owner')
    clock.advance(599_000)
    const { token } = await (await owner.send('DELETE', '/account/sessions')).json()
    const send = createSender(here.url, token)
    expect((await send('GET', '/users')).status).toBe(200)
    clock.advance(1_000)
    expect(await answerOf(send('GET', '/users'))).toEqual(
      failure(401, 'Authentication Error. Token already expired'),
    )
  })
})

const incorrect = failure(401, 'Authentication Error. Incorrect credentials')

function withCredentials(
  { url }: TestServer,
  [method, path]: readonly [string, string],
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  return fetch(new URL(path, url), { method, headers })
}

const right = { authorization: basicAuth(email, hash) }

describe.each(engines)('deleting the own account on $engine', ({ open }) => {
  test('ends its sessions at every server, hides it there, and a request under way changes nothing', async () => {
    await using setup = await open()
    const { here, elsewhere, sql } = setup
    const owner = await signUpAndLogIn(here.url, 'owner')
    const other = createSender(elsewhere.url, owner.token)
    const record = aRecord()
    expect((await other('POST', '/records', record)).status).toBe(201)
    const underWay = [
      beginRequest(elsewhere.url, owner.token, ['POST', '/records'], aRecord()),
      beginRequest(here.url, owner.token, ['PUT', '/records'], { ...record, name: 'b:b' }),
    ]
    // The token that clients send along is ignored.
    const answer = await withCredentials(here, ['DELETE', '/account'], {
      ...{ ...right, 'x-access-token': 'stale', 'x-forwarded-for': '10.0.0.9' },
    })
    expect(await answerOf(answer)).toEqual(
      success(200, 'Account is deleted. The operator of the server can undo that for 7 days'),
    )
    for (const finish of underWay) expect(await answerOf(finish())).toEqual(invalidToken)
    for (const path of ['/users', '/records', '/notes', '/additional_fields?id=x'])
      expect(await answerOf(other('GET', path)), path).toEqual(invalidToken)
    for (const server of [here, elsewhere]) {
      for (const route of [
        ['GET', '/login'],
        ['DELETE', '/account'],
      ] as const)
        expect(await answerOf(withCredentials(server, route, right))).toEqual(incorrect)
    }
    const signUp = fetch(new URL('/users', elsewhere.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'new', email, master_password_hash: 'x', hint: null }),
    })
    expect(await answerOf(signUp)).toEqual(
      failure(409, 'Resource Already Exists. User with this email already exists'),
    )
    expect(await sql('select id, name from records')).toEqual([
      { id: record.id, name: record.name },
    ])
    expect(
      await sql("select kind, actor, user_id, email, address from audit where kind = 'user-left'"),
    ).toEqual([
      { kind: 'user-left', actor: 'user', user_id: owner.userId, email, address: '10.0.0.9' },
    ])
  })
})

/** Every route that takes the credentials of a sign-in. */
const credentialRoutes = [
  ['GET', '/login'],
  ['DELETE', '/account'],
  ['PUT', '/account/master-password'],
] as const

test('the routes that take credentials are all in the list of these tests', async () => {
  const { paths } = await (await createTestApi().ask('/openapi.json')).json()
  const found = Object.entries<Record<string, { security: object[] }>>(paths).flatMap(
    ([path, operations]) =>
      Object.entries(operations)
        .filter(([, { security }]) => security.some((scheme) => 'credentials' in scheme))
        .map(([method]) => `${method.toUpperCase()} ${path}`),
  )
  expect(new Set(found)).toEqual(new Set(credentialRoutes.map((route) => route.join(' '))))
})

describe.each(credentialRoutes)('%s %s', (...route) => {
  test('refuses everybody without right credentials, and changes nothing', async () => {
    await using setup = await start(null)
    const { here, sql } = setup
    const owner = await signUpAndLogIn(here.url, 'owner')
    for (const name of ['stranger', 'disabled', 'left', 'both'])
      await signUpAndLogIn(here.url, name)
    using database = new Database(join(here.dataDir, 'snailpass.db'))
    database.run(
      "update users set disabled = true where email like 'disabled@%' or email like 'both@%'",
    )
    database.run(
      "update users set deletion_time = 1 where email like 'left@%' or email like 'both@%'",
    )
    const users = () => sql('select id, session_epoch, deletion_time from users order by seq')
    const before = await users()
    const missing = failure(
      401,
      "Authentication Error. Authentication info missing or it's incomplete",
    )
    const disabled = failure(
      403,
      'Access Denied. The account is disabled; ask whoever runs this server',
    )
    const basic = (name: string, secret: string) => ({ authorization: basicAuth(name, secret) })
    const strangers: readonly (readonly [string, Record<string, string>, Answer])[] = [
      ['none', {}, missing],
      ['a session token', { 'x-access-token': owner.token }, missing],
      ['a session token as credentials', { authorization: `Bearer ${owner.token}` }, missing],
      ['a session token as password', basic(email, owner.token), incorrect],
      ['an empty hash', basic(email, ''), missing],
      ['a wrong hash', basic(email, 'wrong'), incorrect],
      ['an id for the email', basic(owner.userId, hash), incorrect],
      ['an unknown account', basic('nobody@nas.local', hash), incorrect],
      ['the hash of another account', basic('stranger@nas.local', hash), incorrect],
      [
        'the stored hash',
        basic(email, String((await sql('select * from users'))[0]?.['master_password_hash'])),
        incorrect,
      ],
      ['an email that no database stores', basic('a\0@nas.local', hash), incorrect],
      ['a disabled account', basic('disabled@nas.local', btoa('hash of disabled')), disabled],
      ['an account that is left', basic('left@nas.local', btoa('hash of left')), incorrect],
      ['one that is both', basic('both@nas.local', btoa('hash of both')), incorrect],
    ]
    for (const [name, headers, expected] of strangers)
      expect(await answerOf(withCredentials(here, route, headers)), name).toEqual(expected)
    expect(await users()).toEqual(before)
  })

  test('counts as a guess, in whichever way a guess is made', async () => {
    await using setup = await start(null, { SNAILPASS_RATE_LIMITS: '' })
    const { here } = setup
    await signUpAndLogIn(here.url, 'owner')
    const from = { 'x-forwarded-for': '10.0.0.9' }
    for (let guess = 0; guess < 10; guess++) {
      const guessed = credentialRoutes[guess % credentialRoutes.length] ?? route
      const headers = { authorization: basicAuth(email, `guess ${guess}`), ...from }
      expect((await withCredentials(here, guessed, headers)).status).toBe(401)
    }
    for (const each of credentialRoutes) {
      const refused = await withCredentials(here, each, { ...right, ...from })
      expect(refused.status).toBe(429)
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect((await withCredentials(here, ['GET', '/login'], right)).status).toBe(200)
  })

  test('needs HTTPS where sign-in does', async () => {
    const { ask } = createTestApi({ needsHttps: () => true })
    const init = { method: route[0], headers: right }
    expect(await answerOf(ask(route[1], init))).toEqual(
      failure(403, 'Access Denied. Sign in over HTTPS: this connection can be overheard'),
    )
  })
})
