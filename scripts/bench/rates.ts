/** Requests a second of servers that run: small and large answers, and creations. */
import { join } from 'node:path'
import { aRecord, signUpAndLogIn } from '../../test/support/client'
import { startCluster } from '../../test/support/postgres'
import { creationScript, type LoadRequest, measureRate } from './load'
import { type Limit, printLine } from './report'
import { measureInTurns, Series } from './rounds'
import { type BareServer, type Bench, startBare } from './servers'
import { type Installation, install, installAll, readAnswers, vaultRecords } from './vault'

/** Seconds of load in each round. */
const seconds = 2

/** A request of which the rate is measured. `path` of bare Bun differs where a header decides in ours. */
interface RatePoint {
  readonly what: string
  readonly path: string
  readonly barePath: string
  readonly isConditional?: true
  /** Whether the answer depends on the database. */
  readonly readsUser: boolean
  readonly limit: Limit | null
}

const atLeast = (bound: number | null, aim: number | null): Limit => ({
  ...{ of: 'ratio', kind: 'at least', bound, aim },
})

const points: readonly RatePoint[] = [
  {
    what: `GET /records of ${vaultRecords}`,
    ...{ path: '/records', barePath: '/records', readsUser: true },
    limit: atLeast(0.6, 0.75),
  },
  {
    what: 'GET /records, unchanged (304)',
    ...{ path: '/records', barePath: '/unchanged', isConditional: true, readsUser: true },
    limit: atLeast(0.4, 0.55),
  },
  {
    what: 'GET /users',
    ...{ path: '/users', barePath: '/users', readsUser: true },
    limit: atLeast(0.4, 0.55),
  },
  {
    what: 'GET /healthz',
    ...{ path: '/healthz', barePath: '/healthz', readsUser: false },
    limit: null,
  },
]

export async function measureRates(bench: Bench): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const cluster = stack.use(await startCluster({ settings: { fsync: 'on' } }))
  const onSqlite = await installAll(bench, 'rates', stack)
  const onPostgres: Installation[] = []
  for (const [index, executable] of bench.builds.entries()) {
    const settings = { SNAILPASS_DATABASE_URL: await cluster.createDatabase() }
    const dataDir = join(bench.folder, `rates-postgres-${index}`)
    onPostgres.push(stack.use(await install(executable, dataDir, settings)))
  }
  const [first] = onSqlite
  if (first === undefined) throw new Error('no build')
  const answers = {
    ...(await readAnswers(first, ['/records', '/users', '/healthz'])),
    '/unchanged': { status: 304, body: null },
  }
  const database = join(bench.folder, 'bare.db')
  const bare = stack.use(await startBare(bench, { answers, database }))
  for (const point of points) await measurePoint(bench, point, { onSqlite, onPostgres, bare })
  await measureCreations(bench, onSqlite, bare)
}

async function measurePoint(
  bench: Bench,
  { what, path, barePath, isConditional, readsUser, limit }: RatePoint,
  servers: {
    readonly onSqlite: readonly Installation[]
    readonly onPostgres: readonly Installation[]
    readonly bare: BareServer
  },
): Promise<void> {
  const request = async ({ server, owner }: Installation): Promise<LoadRequest> => {
    const tag = (await owner.send('GET', path)).headers.get('etag')
    return {
      url: new URL(path, server.url),
      headers: {
        'x-access-token': owner.token,
        ...(isConditional === true && { 'if-none-match': tag ?? '' }),
      },
    }
  }
  const rateOf = async (installation: Installation) => {
    const load = await request(installation)
    return new Series(() => measureRate(load, seconds))
  }
  const [example] = servers.onSqlite
  if (example === undefined) throw new Error('no build')
  const { headers = {} } = await request(example)
  const bareLoad = { url: new URL(barePath, servers.bare.url), headers }
  const bare = new Series(() => measureRate(bareLoad, seconds))
  const onSqlite = await Promise.all(servers.onSqlite.map(rateOf))
  const onPostgres = await Promise.all((readsUser ? servers.onPostgres : []).map(rateOf))
  const all = [bare, ...onSqlite, ...onPostgres]
  await measureInTurns(all, bench.rounds)
  const medians = (series: readonly Series[]) => series.map((each) => each.median)
  const results = medians(onSqlite)
  printLine({ what: `${what}, per s`, results, references: results.map(() => bare.median), limit })
  printLine({
    what: '  on Postgres, of SQLite',
    results: medians(onPostgres),
    references: results,
    limit: atLeast(null, 0.7),
  })
}

/** Of a creation by 32 clients, beside bare Bun that inserts a row for each into SQLite. */
async function measureCreations(
  bench: Bench,
  installations: readonly Installation[],
  bare: BareServer,
): Promise<void> {
  const creations = (url: URL, token: string) => {
    const load = { url, headers: { 'x-access-token': token } }
    return new Series(() => measureRate({ ...load, script: creationScript(aRecord()) }, seconds))
  }
  const reference = creations(new URL('/creations', bare.url), 'none')
  const ours: Series[] = []
  for (const { server } of installations) {
    const writer = await signUpAndLogIn(server.url, 'writer')
    ours.push(creations(new URL('/records', server.url), writer.token))
  }
  await measureInTurns([reference, ...ours], bench.rounds)
  printLine({
    what: 'POST /records, on disk, per s',
    results: ours.map((each) => each.median),
    references: ours.map(() => reference.median),
    limit: null,
  })
}
