import { describe, expect, test } from 'bun:test'
import { captureError } from '../support/capture-error'
import { startPgBouncer } from '../support/pgbouncer'
import { startPostgresFirst } from '../support/postgres'
import { aUser, createMigratedPostgres, postgresDatabaseAt, withRevision } from '../support/store'

startPostgresFirst('newest')

const ignored = {
  ignore_startup_parameters:
    'extra_float_digits, statement_timeout, lock_timeout, idle_in_transaction_session_timeout, options',
}

describe('a pooler in front of Postgres', () => {
  test.each([
    ['the session that was free last', {}],
    ['its sessions in turn', { server_round_robin: '1', min_pool_size: '4' }],
  ])(
    'that gives each transaction %s is refused, to servers and to exclusive commands',
    async (_, settings) => {
      await using database = await createMigratedPostgres()
      await using pooler = await startPgBouncer(database.url, 'transaction', {
        ...ignored,
        ...settings,
      })
      const pooled = postgresDatabaseAt(pooler.url)
      const refusal = {
        code: 'unavailable',
        message: expect.stringContaining(
          'is behind a pooler that shares sessions, such as PgBouncer with pool_mode = transaction',
        ),
        hint: 'connect to Postgres directly, or set pool_mode = session for this database',
      }
      expect(await captureError(pooled.openForServer({ create: true }))).toMatchObject(refusal)
      const exclusive = pooled.withExclusive({ create: false }, () => Promise.resolve())
      expect(await captureError(exclusive)).toMatchObject(refusal)
    },
  )

  test('that gives each connection a session of its own is accepted', async () => {
    await using database = await createMigratedPostgres()
    await using pooler = await startPgBouncer(database.url, 'session', ignored)
    const { store } = await postgresDatabaseAt(pooler.url).openForServer({ create: true })
    const user = aUser()
    await store.write((tx) => tx.users.insert(user))
    expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user))
    await store.close()
  })

  test('that refuses the settings of a connection is told as that', async () => {
    await using database = await createMigratedPostgres()
    await using pooler = await startPgBouncer(database.url, 'session')
    const opening = postgresDatabaseAt(pooler.url).openForServer({ create: true })
    expect(await captureError(opening)).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('unsupported startup parameter'),
      hint: expect.stringContaining('a pooler such as PgBouncer refuses what snailpass needs'),
    })
  })
})
