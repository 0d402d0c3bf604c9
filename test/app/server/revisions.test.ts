import { describe, expect, test } from 'bun:test'
import {
  aField,
  aNote,
  aRecord,
  type Client,
  createSender,
  signUpAndLogIn,
} from '../../support/client'
import { createPostgresDatabase, queryPostgres, startPostgresFirst } from '../../support/postgres'
import { startTestServer, type TestServer } from '../../support/server'
import { until } from '../../support/until'

startPostgresFirst('newest')

const secretKey = 'the key of these tests'

/** `TEST_SIEGE=whole` is the long form. */
const isWhole = process.env['TEST_SIEGE'] === 'whole'

/** Rounds in which all writers write once. */
const rounds = isWhole ? 400 : 25

/** Milliseconds for which writers write as fast as they can. */
const writingTime = isWhole ? 30_000 : 1_000

const writers = 8

interface Setup extends AsyncDisposable {
  /** The owner, at each server. */
  readonly clients: readonly [Client, Client]
  readonly servers: readonly TestServer[]
  /** Stops the servers, and returns how many of their transactions were rolled back; null if the engine does not tell. */
  countRolledBack(): Promise<number | null>
}

/** Starts servers of one database, and signs the owner in. */
async function start(settings: Readonly<Record<string, string>>, count: number): Promise<Setup> {
  const servers: TestServer[] = []
  for (let number = 0; number < count; number++) {
    servers.push(
      await startTestServer({ settings: { SNAILPASS_SECRET_KEY: secretKey, ...settings } }),
    )
  }
  const [first, second = first] = servers
  if (first === undefined || second === undefined) throw new Error('no server')
  const owner = await signUpAndLogIn(first.url, 'owner')
  const other = { ...owner, send: createSender(second.url, owner.token) }
  return {
    servers,
    clients: [owner, other],
    countRolledBack: () => Promise.resolve(null),
    async [Symbol.asyncDispose]() {
      for (const server of servers) await server.stop()
    },
  }
}

const engines: readonly { engine: string; open: () => Promise<Setup> }[] = [
  { engine: 'SQLite', open: () => start({}, 1) },
  {
    engine: 'two servers of one Postgres',
    async open() {
      const database = await createPostgresDatabase()
      const setup = await start({ SNAILPASS_DATABASE_URL: database.url }, 2)
      return {
        ...setup,
        async countRolledBack() {
          for (const server of setup.servers) await server.stop()
          // A process of Postgres counts its last transactions when it ends, which is after its client has gone.
          await until(async () => {
            const others = await queryPostgres(
              database.url,
              'select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
            )
            return others.length === 0
          }, 'the connections of the servers to end')
          const [row] = await queryPostgres(
            database.url,
            'select xact_rollback as count from pg_stat_database where datname = current_database()',
          )
          return Number(row?.['count'])
        },
        async [Symbol.asyncDispose]() {
          await setup[Symbol.asyncDispose]()
          await database[Symbol.asyncDispose]()
        },
      }
    },
  },
]

/** A client that asks for a list with the tag of its copy, and keeps what it gets. */
function createReader(path: string) {
  let copy: { tag: string | null; body: string | null } = { tag: null, body: null }
  const seen = { changed: 0, same: 0 }
  return {
    seen,
    /** Returns the copy after one more request. */
    async poll(client: Client): Promise<string | null> {
      const headers = copy.tag === null ? {} : { 'if-none-match': copy.tag }
      const answer = await client.send('GET', path, undefined, headers)
      if (answer.status === 304) {
        seen.same++
        return copy.body
      }
      expect([200, 404]).toContain(answer.status)
      seen.changed++
      const body = await answer.text()
      copy = { tag: answer.headers.get('etag'), body: answer.status === 200 ? body : null }
      return copy.body
    },
  }
}

/**
 * Makes the next change of a writer: of its record, the field of that, or its note, which come and go. Returns whether it was made:
 * what would be changed is not there in the first rounds.
 */
async function writeOnce(client: Client, writer: number, round: number): Promise<boolean> {
  const [recordId, noteId, fieldId] = ['r', 'n', 'f'].map((kind) => `${kind}${writer}`)
  const record = aRecord({ id: recordId, name: `round${round}:x` })
  const requests = [
    ['POST', '/records', record],
    ['POST', '/additional_fields', aField(`r${writer}`, { id: fieldId })],
    ['PUT', '/records', record],
    ['PUT', '/additional_fields', aField(`r${writer}`, { id: fieldId, value: `v${round}:x` })],
    ['POST', '/notes', aNote({ id: noteId, content: `round${round}:x` })],
    ['DELETE', `/records?id=${recordId}`],
    ['DELETE', `/additional_fields?id=${fieldId}`],
    ['DELETE', `/records?id=${recordId}`],
    ['DELETE', `/notes?id=${noteId}`],
    ['DELETE', `/notes?id=${noteId}`],
  ] as const
  const [method, path, body] = requests[(round + writer) % requests.length] ?? requests[0]
  const answer = await client.send(method, path, body)
  expect([200, 201, 404]).toContain(answer.status)
  return answer.ok
}

/** Returns the lines of a log that tell of more than a slow answer. */
function warningsIn(log: readonly string[]): string[] {
  return log.filter((line) => {
    const { level, message, status } = JSON.parse(line)
    const isSlow = message === 'request' && status < 500
    return level === 'error' || (level === 'warn' && !isSlow)
  })
}

async function stateOf(client: Client): Promise<number> {
  const { state } = await (await client.send('GET', '/account/vault')).json()
  return Number(state.split('.').at(-1))
}

describe.each(engines)('with $engine', ({ open }) => {
  test('a client that polls misses nothing of what eight writers write', async () => {
    await using setup = await open()
    const { clients } = setup
    const readers = ['/records', '/notes', '/additional_fields?id=r0', '/account/vault'].map(
      (path) => ({ path, ...createReader(path) }),
    )
    for (let round = 0; round < rounds; round++) {
      const writing = new AbortController()
      const polling = readers.map(async ({ poll }, index) => {
        for (let turn = index; !writing.signal.aborted; turn++)
          await poll(clients[turn % 2 === 0 ? 0 : 1])
      })
      await Promise.all(
        Array.from({ length: writers }, (_, writer) =>
          writeOnce(clients[writer % 2 === 0 ? 0 : 1], writer, round),
        ),
      )
      writing.abort()
      await Promise.all(polling)
      // Everything is acknowledged: the copy has to be what is there, at whichever server it is asked for.
      for (const { path, poll } of readers) {
        const client = clients[round % 2 === 0 ? 0 : 1]
        const copy = await poll(client)
        const answer = await client.send('GET', path)
        expect({ path, copy }).toEqual({ path, copy: answer.ok ? await answer.text() : null })
      }
    }
    for (const { seen } of readers) {
      expect(seen.changed).toBeGreaterThan(rounds / 2)
      expect(seen.same).toBeGreaterThan(0)
    }
  })

  test('of two writers with one revision one wins, and the other gets what is there now', async () => {
    await using setup = await open()
    const [first, second] = setup.clients
    const change = (revision: number | null, name: string) => ({
      records: [{ ...aRecord({ id: 'r', name }), revision, additional_fields: [] }],
    })
    await first.send('POST', '/account/vault', change(null, 'start:x'))
    for (let round = 0; round < rounds; round++) {
      const { records } = await (await first.send('GET', '/account/vault')).json()
      const { revision } = records[0]
      const answers = await Promise.all(
        [first, second].map(async (client, index) => {
          const body = change(revision, `round${round} of ${index}:x`)
          const answer = await client.send('POST', '/account/vault', body)
          return { name: body.records[0]?.name, status: answer.status, body: await answer.json() }
        }),
      )
      const [won, lost] = answers.toSorted((a, b) => a.status - b.status)
      expect([won?.status, lost?.status]).toEqual([200, 412])
      const present = await (await second.send('GET', '/account/vault')).json()
      expect(present.records).toMatchObject([{ name: won?.name, revision: revision + 1 }])
      expect(lost?.body).toMatchObject({ records: present.records, state: present.state })
    }
  })

  test(
    'eight writers of one vault at once are all served, one after the other',
    async () => {
      await using setup = await open()
      const { clients, servers } = setup
      const before = await stateOf(clients[0])
      const end = performance.now() + writingTime
      const counts = await Promise.all(
        Array.from({ length: writers }, async (_, writer) => {
          const count = { made: 0, refused: 0 }
          for (let round = 0; round < 10 || performance.now() < end; round++) {
            const isMade = await writeOnce(clients[writer % 2 === 0 ? 0 : 1], writer, round)
            count[isMade ? 'made' : 'refused']++
          }
          return count
        }),
      )
      const sumOf = (kind: 'made' | 'refused') =>
        counts.reduce((sum, count) => sum + count[kind], 0)
      for (const { made } of counts) expect(made).toBeGreaterThan(0)
      // A revision for each transaction that was committed, and none left out.
      expect(await stateOf(clients[1])).toBe(before + sumOf('made'))
      for (const { log } of servers) expect(warningsIn(log)).toEqual([])
      // No transaction was tried twice.
      const rolledBack = await setup.countRolledBack()
      if (rolledBack !== null) expect(rolledBack).toBe(sumOf('refused'))
    },
    writingTime + 300_000,
  )
})
