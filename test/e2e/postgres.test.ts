import { describe, expect, test } from 'bun:test'
import { Client as PostgresClient } from 'pg'
import { createAccount } from '../support/accounts'
import { aNote, aRecord, basicAuth, type Client } from '../support/client'
import { type RunningServer, run, serve, temporaryFolder } from '../support/executable'
import {
  type Cluster,
  createPostgresDatabase,
  queryPostgres,
  startCluster,
  startPostgresFirst,
} from '../support/postgres'
import { until } from '../support/until'

startPostgresFirst('newest')

const secretKey = 'the key that all servers share'

/** How long the load test writes at least, in seconds. Its long form is a minute: `TEST_TORTURE_SECONDS=60`. */
const seconds = Number(process.env['TEST_TORTURE_SECONDS'] ?? 0)
const writers = 8

const environmentOf = (url: string) => ({
  SNAILPASS_DATABASE_URL: url,
  SNAILPASS_SECRET_KEY: secretKey,
})

function start(dataDir: string, url: string): Promise<RunningServer> {
  return serve(dataDir, environmentOf(url))
}

/** Creates an account in a database that no server uses yet. */
function createOwner(dataDir: string, url: string) {
  return createAccount({ dataDir, environment: environmentOf(url) }, 'owner')
}

/**
 * Adds records one after another until `isOver`, and retries each of them until it is confirmed. Counts the outcomes in
 * `outcomes`. Returns the ids.
 */
async function writeRecords({
  origins,
  token,
  outcomes,
  isOver,
}: {
  origins: () => readonly URL[]
  token: string
  outcomes: Map<string, number>
  isOver: () => boolean
}): Promise<string[]> {
  const confirmed: string[] = []
  for (let round = 0; !isOver(); round++) {
    const record = aRecord()
    for (let attempt = 0; ; attempt++) {
      const servers = origins()
      const origin = servers[(round + attempt) % servers.length]
      if (origin === undefined) throw new Error('there is no server')
      const outcome = await statusOf(origin, token, record)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      // A conflict after an attempt that was not confirmed: that attempt had committed.
      if (outcome === '201' || (outcome === '409' && attempt > 0)) break
      if (outcome !== '503' && outcome !== 'cut') throw new Error(`unexpected: ${outcome}`)
      await Bun.sleep(20)
    }
    confirmed.push(record.id)
  }
  return confirmed
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
  'two servers on one Postgres lose nothing when one is killed and Postgres restarts under load',
  async () => {
    using folder = temporaryFolder()
    await using cluster = await startCluster()
    const url = await cluster.createDatabase()
    // A token of one server is valid at every other.
    const owner = await createOwner(`${folder.path}/zeroth`, url)
    const { token } = owner
    const first = await start(`${folder.path}/first`, url)
    await using second = await start(`${folder.path}/second`, url)
    let origins: readonly URL[] = [first.url, second.url]
    const outcomes = new Map<string, number>()
    let isOver = false
    const writing = Array.from({ length: writers }, () =>
      writeRecords({ origins: () => origins, token, outcomes, isOver: () => isOver }),
    )
    /** Returns once the writers have got on, for all states to be under load. */
    const writeOn = async () => {
      const before = outcomes.get('201') ?? 0
      await Bun.sleep((seconds * 1000) / 4)
      await until(() => (outcomes.get('201') ?? 0) >= before + 10 * writers, 'more records')
    }
    await writeOn()
    await first.end('SIGKILL')
    await writeOn()
    await cluster.stop('fast')
    await cluster.start()
    await writeOn()
    await using restarted = await start(`${folder.path}/first`, url)
    origins = [restarted.url, second.url]
    await writeOn()
    isOver = true
    const confirmed = (await Promise.all(writing)).flat()

    expect(confirmed.length).toBeGreaterThanOrEqual(40 * writers)
    for (const origin of origins) {
      const stored = await idsOf(owner.at(origin))
      expect(confirmed.filter((id) => !stored.has(id))).toEqual([])
      expect(stored.size).toBe(confirmed.length)
    }
    const faults = [...second.log, ...restarted.log].filter((line) =>
      line.includes(' unexpected error'),
    )
    expect(faults).toEqual([])
  },
  60_000 + seconds * 2_000,
)

test("ending a user's sessions takes effect on every server at once", async () => {
  using folder = temporaryFolder()
  await using database = await createPostgresDatabase()
  const { url } = database
  const client = await createOwner(`${folder.path}/first`, url)
  await using first = await start(`${folder.path}/first`, url)
  await using second = await start(`${folder.path}/second`, url)
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
}, 300_000)

test('a server that waits for its database stops at the first signal', async () => {
  using folder = temporaryFolder()
  await using database = await createPostgresDatabase()
  const { url } = database
  const lockClient = new PostgresClient({ connectionString: url })
  await lockClient.connect()
  // As a command does while it waits for a confirmation.
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
}, 300_000)

describe('a failover to a streaming standby', () => {
  /** Starts a standby that every commit waits for, so that a failover loses nothing. */
  async function startSynchronousStandby(primary: Cluster): Promise<Cluster> {
    const standby = await primary.startStandby()
    await queryPostgres(primary.url('postgres'), "alter system set synchronous_standby_names = '*'")
    await queryPostgres(primary.url('postgres'), 'select pg_reload_conf()')
    return standby
  }

  test('resumes writes automatically and loses no confirmed write', async () => {
    using folder = temporaryFolder()
    await using primary = await startCluster()
    const url = await primary.createDatabase()
    await using standby = await startSynchronousStandby(primary)
    const hosts = `127.0.0.1:${primary.port},127.0.0.1:${standby.port}`
    const urlOfBoth = `${url.replace(`127.0.0.1:${primary.port}`, hosts)}?target_session_attrs=read-write`
    const owner = await createOwner(folder.path, url)
    await using server = await start(folder.path, urlOfBoth)
    const client = owner.at(server.url)
    const outcomes = new Map<string, number>()
    let isOver = false
    const writing = writeRecords({
      origins: () => [server.url],
      token: client.token,
      outcomes,
      isOver: () => isOver,
    })
    const countAdded = () => outcomes.get('201') ?? 0
    await until(() => countAdded() >= 20, 'the first 20 records')

    await primary.stop('immediate')
    await standby.promote()
    // The server retries this request for up to 7.5 seconds; otherwise it would be 503.
    expect((await client.send('POST', '/notes', aNote())).status).toBe(201)
    const before = countAdded()
    await until(() => countAdded() >= before + 20, '20 records after the failover')
    isOver = true
    const confirmed = await writing
    const stored = await idsOf(client)
    expect(confirmed.filter((id) => !stored.has(id))).toEqual([])
    expect((await fetch(new URL('/readyz', server.url))).status).toBe(200)
  }, 300_000)
})

test('while Postgres is down no answer harms an offline copy, and afterwards requests succeed again', async () => {
  using folder = temporaryFolder()
  await using cluster = await startCluster()
  const url = await cluster.createDatabase()
  const owner = await createOwner(folder.path, url)
  await using server = await start(folder.path, url)
  const client = owner.at(server.url)
  const record = aRecord()
  await client.send('POST', '/records', record)
  const requests: readonly [string, string, unknown?][] = [
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
  const send = async ([method, path, body]: (typeof requests)[number]) => {
    const headers = new Headers({
      'x-access-token': client.token,
      'content-type': 'application/json',
      authorization: basicAuth('owner@nas.local', btoa('hash of owner')),
    })
    try {
      const response = await fetch(new URL(path, server.url), {
        method,
        headers,
        // If a reused connection is cut, Bun assumes that it was idle for too long and repeats the request.
        keepalive: false,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      return `${response.status} ${response.headers.get('retry-after') ?? '-'} ${await response.text()}`
    } catch {
      return 'cut'
    }
  }

  await cluster.stop('immediate')
  const answers = await Promise.all(requests.map(send))
  const unavailable =
    '503 10 {"message":{"error":"Service Unavailable. The database is not responding"}}'
  expect(answers.slice(0, -1)).toEqual([
    'cut',
    'cut',
    'cut',
    unavailable,
    unavailable,
    unavailable,
    unavailable,
    unavailable,
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
  const isReady = async () => (await fetch(new URL('/readyz', server.url))).status === 200
  await until(isReady, 'the server to be ready again', { interval: 50 })
  expect(await (await client.send('GET', '/records')).json()).toHaveLength(1)
  expect((await client.send('POST', '/records', aRecord())).status).toBe(201)
  const { password } = new URL(url)
  const log = server.log.join('\n')
  expect(log).not.toContain(password)
  expect(log).not.toContain(decodeURIComponent(password))
}, 300_000)
