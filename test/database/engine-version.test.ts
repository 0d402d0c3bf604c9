import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { captureError } from '../support/capture-error'
import { createPostgresDatabase, queryPostgres, startPostgresFirst } from '../support/postgres'
import {
  createPostgresTestDatabase,
  createSqliteTestDatabase,
  targetsOf,
} from '../support/test-database'

startPostgresFirst('newest', 'oldest')

test('the version of SQLite is known without a database', async () => {
  await using database = await createSqliteTestDatabase()
  using memory = new Database(':memory:')
  const [[version] = []] = memory.query('select sqlite_version()').values()
  expect(await targetsOf(database).database.findEngineVersion()).toBe(`SQLite ${version}`)
})

test.each(['newest', 'oldest'] as const)(
  'the version of the %s Postgres is known without tables',
  async (which) => {
    await using database = await createPostgresTestDatabase(await createPostgresDatabase(which))
    const [row] = await queryPostgres(database.url, 'show server_version')
    expect(await targetsOf(database).database.findEngineVersion()).toBe(
      `Postgres ${String(row?.['server_version']).replace(/ .*/, '')}`,
    )
  },
)

test('the version of Postgres is unavailable if it can not be reached', async () => {
  await using database = await createPostgresTestDatabase()
  const url = new URL(database.url)
  url.port = '1'
  const { database: unreachable } = targetsOf({ ...database, url: url.href })
  expect(await captureError(unreachable.findEngineVersion())).toMatchObject({ code: 'unavailable' })
})
