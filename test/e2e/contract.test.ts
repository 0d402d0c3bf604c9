import { expect, test } from 'bun:test'
import { observed, replay } from '../support/contract'
import { serve, temporaryFolder } from '../support/executable'
import { createPostgresDatabase, startPostgresFirst } from '../support/postgres'
import { startTestServer } from '../support/server'

startPostgresFirst('newest')

const secretKey = 'the key of the contract test'

/** A server of either kind, and how many errors it has logged. */
interface Server extends AsyncDisposable {
  readonly url: URL
  countErrors(): number
  stop(): Promise<void>
}

type Start = (dataDir: string, settings: Record<string, string>) => Promise<Server>

const startExecutable: Start = async (dataDir, settings) => {
  const server = await serve(dataDir, settings)
  return {
    url: server.url,
    countErrors: () => server.log.filter((line) => line.includes(' error ')).length,
    stop: async () => expect(await server.end('SIGTERM')).toBe(0),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** The same server in this process, with cheap password hashes. */
const startInProcess: Start = async (dataDir, settings) => {
  const server = await startTestServer({ dataDir, settings })
  return {
    url: server.url,
    countErrors: () => server.log.filter((line) => JSON.parse(line).level === 'error').length,
    stop: () => server.stop(),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

/** The cases contain fifty password hashes. `TEST_SIEGE=whole` pays for them with every server. */
const startCheaply = process.env['TEST_SIEGE'] === 'whole' ? startExecutable : startInProcess

/** Opens a new database on each engine. Returns the settings of a server that uses it. */
const engines: {
  engine: string
  start: Start
  open: () => Promise<AsyncDisposable & { readonly settings: Record<string, string> }>
}[] = [
  {
    engine: 'SQLite',
    start: startExecutable,
    open: async () => ({ settings: {}, async [Symbol.asyncDispose]() {} }),
  },
  {
    engine: 'Postgres',
    start: startCheaply,
    async open() {
      const database = await createPostgresDatabase()
      return {
        settings: { SNAILPASS_DATABASE_URL: database.url },
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      }
    },
  },
]

/** Lists are kept by default. */
const servers = engines.flatMap((engine) => [
  { ...engine, lists: 'kept', listSettings: {} },
  {
    ...engine,
    start: startCheaply,
    lists: 'not kept',
    listSettings: { SNAILPASS_LIST_CACHE: '0' },
  },
])

test.each(servers)(
  'every case of the contract holds on $engine with lists $lists, in order, and a second run on the used database causes no fault',
  async ({ start, open, listSettings }) => {
    using folder = temporaryFolder()
    await using database = await open()
    const settings = { SNAILPASS_SECRET_KEY: secretKey, ...listSettings, ...database.settings }
    {
      await using server = await start(folder.path, settings)
      await replay({ url: server.url, secretKey }, (contractCase, answer) => {
        const { status, ...rest } = contractCase.expect
        expect(observed(contractCase, answer), contractCase.name).toEqual({ status, ...rest })
      })
      await server.stop()
    }
    await using server = await startCheaply(folder.path, settings)
    const statuses: number[] = []
    await replay({ url: server.url, secretKey }, (_case, { response }) => {
      statuses.push(response.status)
    })
    await server.stop()
    expect(statuses.filter((status) => status >= 500)).toEqual([])
    expect(server.countErrors()).toBe(0)
  },
  300_000,
)
