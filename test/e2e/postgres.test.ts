import { describe, expect, test } from 'bun:test'
import { Client as PostgresClient } from 'pg'
import { aNote, aRecord, type Client, logIn, signUpAndLogIn } from '../support/client'
import { type RunningServer, run, serve, temporaryFolder } from '../support/executable'
import { type Cluster, queryPostgres, startCluster } from '../support/postgres'

const secretKey = 'the key that all servers share'
const owner = { userId: '', email: 'owner@nas.local', masterPasswordHash: btoa('hash of owner') }

/** Seconds of writing; the long form of the test is a minute: `SNAILPASS_TORTURE_SECONDS=60`. */
const seconds = Number(process.env['SNAILPASS_TORTURE_SECONDS'] ?? 6)
const writers = 8

function start(dataDir: string, url: string): Promise<RunningServer> {
  return serve(dataDir, { SNAILPASS_DATABASE_URL: url, SNAILPASS_SECRET_KEY: secretKey })
}

/** Adds records one after another until told to stop, each until it is acknowledged. Answers their ids. */
async function write(
  origins: () => readonly URL[],
  token: string,
  seen: Map<string, number>,
  isOver: () => boolean,
): Promise<string[]> {
  const acknowledged: string[] = []
  for (let round = 0; !isOver(); round++) {
    const record = aRecord()
    for (let attempt = 0; ; attempt++) {
      const servers = origins()
      const origin = servers[(round + attempt) % servers.length]
      if (origin === undefined) throw new Error('there is no server')
      const outcome = await statusOf(origin, token, record)
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
      // Taken after a try that was not acknowledged: that try had committed.
      if (outcome === '201' || (outcome === '409' && attempt > 0)) break
      if (outcome !== '503' && outcome !== 'cut') throw new Error(`unexpected: ${outcome}`)
      await Bun.sleep(20)
    }
    acknowledged.push(record.id)
  }
  return acknowledged
}

async function statusOf(origin: URL, token: string, record: unknown): Promise<string> {
  try {
    const response = await fetch(new URL('/records', origin), {
      method: 'POST',
      headers: { 'x-access-token': token, 'content-type': 'application/json' },
      body: JSON.stringify(record),
    })
    await response.bytes()
    return String(response.status)
  } catch {
    return 'cut'
  }
}

async function idsOf(client: Client): Promise<ReadonlySet<string>> {
  const records: { id: string }[] = await (await client.send('GET', '/records')).json()
  return new Set(records.map(({ id }) => id))
}

test(
  'two servers on one Postgres, one killed and Postgres restarted under load, lose nothing',
  async () => {
    using folder = temporaryFolder()
    await using cluster = await startCluster()
    const url = await cluster.createDatabase()
    const first = await start(`${folder.path}/first`, url)
    await using second = await start(`${folder.path}/second`, url)
    // A token of one server is good at the other.
    const { token } = await signUpAndLogIn(first.url, 'owner')
    let origins: readonly URL[] = [first.url, second.url]
    const seen = new Map<string, number>()
    let isOver = false
    const writing = Array.from({ length: writers }, () =>
      write(
        () => origins,
        token,
        seen,
        () => isOver,
      ),
    )
    const third = (seconds * 1000) / 3
    await Bun.sleep(third)
    await first.end('SIGKILL')
    await Bun.sleep(third / 2)
    await cluster.stop('fast')
    await cluster.start()
    await Bun.sleep(third / 2)
    await using again = await start(`${folder.path}/first`, url)
    origins = [again.url, second.url]
    await Bun.sleep(third)
    isOver = true
    const acknowledged = (await Promise.all(writing)).flat()

    expect(acknowledged.length).toBeGreaterThan(writers)
    for (const origin of origins) {
      const there = await idsOf(await logIn(origin, owner))
      expect(acknowledged.filter((id) => !there.has(id))).toEqual([])
      expect(there.size).toBe(acknowledged.length)
    }
    const faults = [...second.log, ...again.log].filter((line) => line.includes(' unexpected error'))
    expect(faults).toEqual([])
  },
  60_000 + seconds * 2_000,
)

test("the end of a user's sessions holds at every server at once", async () => {
  using folder = temporaryFolder()
  await using cluster = await startCluster()
  const url = await cluster.createDatabase()
  await using first = await start(`${folder.path}/first`, url)
  await using second = await start(`${folder.path}/second`, url)
  const client = await signUpAndLogIn(first.url, 'owner')
  const statuses = () =>
    Promise.all(
      [first, second].map(async (server) => {
        const headers = { 'x-access-token': client.token }
        return (await fetch(new URL('/users', server.url), { headers })).status
      }),
    )
  expect(await statuses()).toEqual([200, 200])
  await queryPostgres(url, "update users set session_epoch = 'another'")
  expect(await statuses()).toEqual([401, 401])
}, 30_000)

test('a server that waits for its database ends at the first signal', async () => {
  using folder = temporaryFolder()
  await using cluster = await startCluster()
  const url = await cluster.createDatabase()
  const lockClient = new PostgresClient({ connectionString: url })
  await lockClient.connect()
  // As a command does that asks its operator.
  await lockClient.query('select pg_advisory_lock(1397640272, 2)')
  const ended = run(['serve', '--data-dir', folder.path, '--listen', '127.0.0.1:0'], {
    environment: { SNAILPASS_DATABASE_URL: url },
    signalAt: { text: 'waiting', signal: 'SIGTERM' },
  })
  expect(await ended).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('SIGTERM: stopped before the server was ready'),
  })
  await lockClient.end()
}, 30_000)

describe('a failover to a streaming standby', () => {
  /** A standby that every commit waits for, so that a failover can be asked to lose nothing. */
  async function standbyOf(primary: Cluster): Promise<Cluster> {
    const standby = await primary.startStandby()
    await queryPostgres(primary.url('postgres'), "alter system set synchronous_standby_names = '*'")
    await queryPostgres(primary.url('postgres'), 'select pg_reload_conf()')
    return standby
  }

  test('resumes writes by itself, and what was acknowledged is there', async () => {
    using folder = temporaryFolder()
    await using primary = await startCluster()
    const url = await primary.createDatabase()
    await using standby = await standbyOf(primary)
    const hosts = `127.0.0.1:${primary.port},127.0.0.1:${standby.port}`
    const both = `${url.replace(`127.0.0.1:${primary.port}`, hosts)}?target_session_attrs=read-write`
    await using server = await start(folder.path, both)
    const client = await signUpAndLogIn(server.url, 'owner')
    const seen = new Map<string, number>()
    let isOver = false
    const writing = write(
      () => [server.url],
      client.token,
      seen,
      () => isOver,
    )
    while ((seen.get('201') ?? 0) < 20) await Bun.sleep(10)

    await primary.stop('immediate')
    await standby.promote()
    // This one is answered within its patience of ten seconds, or it would be 503.
    expect((await client.send('POST', '/notes', aNote())).status).toBe(201)
    const before = seen.get('201') ?? 0
    while ((seen.get('201') ?? 0) < before + 20) await Bun.sleep(10)
    isOver = true
    const acknowledged = await writing
    const there = await idsOf(client)
    expect(acknowledged.filter((id) => !there.has(id))).toEqual([])
    expect((await fetch(new URL('/readyz', server.url))).status).toBe(200)
  }, 60_000)
})

test('while Postgres is down nobody is told something wrong, and afterwards all is as before', async () => {
  using folder = temporaryFolder()
  await using cluster = await startCluster()
  const url = await cluster.createDatabase()
  await using server = await start(folder.path, url)
  const client = await signUpAndLogIn(server.url, 'owner')
  const record = aRecord()
  await client.send('POST', '/records', record)
  const asked: readonly [string, string, unknown?][] = [
    ['GET', '/records'],
    ['GET', '/notes'],
    ['GET', `/additional_fields?id=${record.id}`],
    ['GET', '/users'],
    ['GET', '/login'],
    ['POST', '/records', aRecord()],
    ['PUT', '/records', record],
    ['DELETE', `/notes?id=${record.id}`],
    ['GET', '/healthz'],
    ['GET', '/readyz'],
  ]
  const ask = async ([method, path, body]: (typeof asked)[number]) => {
    const headers = new Headers({
      'x-access-token': client.token,
      'content-type': 'application/json',
      authorization: `Basic ${btoa(`${owner.email}:${owner.masterPasswordHash}`)}`,
    })
    try {
      const response = await fetch(new URL(path, server.url), {
        method,
        headers,
        // Of a connection that it has used before, Bun takes a cut for one that was idle for too long, and asks again.
        keepalive: false,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      return `${response.status} ${response.headers.get('retry-after') ?? '-'} ${await response.text()}`
    } catch {
      return 'cut'
    }
  }

  await cluster.stop('immediate')
  const answers = await Promise.all(asked.map(ask))
  const later =
    '503 10 {"message":{"error":"Service Unavailable. The database is not responding"}}'
  expect(answers.slice(0, -1)).toEqual([
    'cut',
    'cut',
    'cut',
    later,
    later,
    later,
    later,
    later,
    '200 - {"status":"alive"}',
  ])
  expect(answers.at(-1)).toMatch(
    /^503 2 \{"message":\{"error":"Service Unavailable\. The database is not responding: .*ECONNREFUSED/,
  )
  const fromElsewhere = await fetch(new URL('/readyz', server.url), {
    headers: { 'x-forwarded-for': '203.0.113.7' },
  })
  expect(await fromElsewhere.json()).toEqual({
    message: { error: 'Service Unavailable. The database is not ready' },
  })

  await cluster.start()
  while ((await fetch(new URL('/readyz', server.url))).status !== 200) await Bun.sleep(50)
  expect(await (await client.send('GET', '/records')).json()).toHaveLength(1)
  expect((await client.send('POST', '/records', aRecord())).status).toBe(201)
  const { password } = new URL(url)
  const log = server.log.join('\n')
  expect(log).not.toContain(password)
  expect(log).not.toContain(decodeURIComponent(password))
}, 60_000)
