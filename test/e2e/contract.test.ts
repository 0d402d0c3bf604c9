import { describe, expect, test } from 'bun:test'
import { observed, replay } from '../support/contract'
import { serve, temporaryFolder } from '../support/executable'
import { createPostgresDatabase } from '../support/postgres'

const secretKey = 'the key of the contract test'

/** Opens a new database on each engine. Returns the settings of a server that uses it. */
const engines: {
  engine: string
  open: () => Promise<AsyncDisposable & { readonly settings: Record<string, string> }>
}[] = [
  { engine: 'SQLite', open: async () => ({ settings: {}, async [Symbol.asyncDispose]() {} }) },
  {
    engine: 'Postgres',
    async open() {
      const database = await createPostgresDatabase()
      return {
        settings: { SNAILPASS_DATABASE_URL: database.url },
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      }
    },
  },
]

describe.each(engines)('the executable on $engine', ({ open }) => {
  test('every case of the contract holds, in order, and a second run on the used database causes no fault', async () => {
    using folder = temporaryFolder()
    await using database = await open()
    const settings = { SNAILPASS_SECRET_KEY: secretKey, ...database.settings }
    {
      await using server = await serve(folder.path, settings)
      await replay(server.url, secretKey, (contractCase, answer) => {
        const { status, ...rest } = contractCase.expect
        expect(observed(contractCase, answer), contractCase.name).toEqual({ status, ...rest })
      })
      expect(await server.end('SIGTERM')).toBe(0)
    }
    await using server = await serve(folder.path, settings)
    const statuses: number[] = []
    await replay(server.url, secretKey, (_case, { response }) => {
      statuses.push(response.status)
    })
    expect(await server.end('SIGTERM')).toBe(0)
    expect(statuses.filter((status) => status >= 500)).toEqual([])
    expect(server.log.filter((line) => line.includes(' error '))).toEqual([])
  }, 120_000)
})
