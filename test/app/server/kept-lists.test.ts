import { describe, expect, test } from 'bun:test'
import { createRandom } from '../../../scripts/random'
import { withUsers } from '../../../src/app/operations/users'
import { aRecord, logIn, signUpAndLogIn } from '../../support/client'
import { HostileCache } from '../../support/hostile-cache'
import { startPostgresFirst } from '../../support/postgres'
import { openPostgresStore, openSqliteStore } from '../../support/store'
import { enginesWithTables, startServerOn, targetsOf } from '../../support/test-database'

/*
 * Lists that a server has kept for the next request.
 */

startPostgresFirst('newest')

/** `TEST_SIEGE=whole` is the long form. */
const isWhole = process.env['TEST_SIEGE'] === 'whole'

test.each([
  {
    engine: 'SQLite',
    open: () => openSqliteStore(),
    accounts: isWhole ? 10_000 : 2_000,
    steps: isWhole ? 50_000 : 1_500,
  },
  {
    engine: 'Postgres',
    open: () => openPostgresStore(),
    accounts: isWhole ? 1_000 : 100,
    steps: isWhole ? 10_000 : 200,
  },
])(
  'are what the database on $engine has, and no more than they may be, whatever happens to the vaults of $accounts accounts',
  async ({ open, accounts, steps }) => {
    await using store = await open()
    const seed = Math.floor(Math.random() * 2 ** 32)
    const world = await HostileCache.create(store, { accounts, random: createRandom(seed) })
    for (let step = 0; step < steps; step++) {
      try {
        await world.step()
      } catch (error) {
        throw new Error(`step ${step} with seed ${seed}`, { cause: error })
      }
    }
    expect(world.hits).toBeGreaterThan(steps / 20)
  },
  600_000,
)

describe.each(enginesWithTables)('on $engine', ({ open }) => {
  test('an account with the id of a deleted one gets nothing that was kept of that, nor 304', async () => {
    await using database = await open()
    await using server = await startServerOn(database)
    const former = await signUpAndLogIn(server.url, 'former')
    await former.send('POST', '/records', aRecord({ id: 'theirs' }))
    const list = await former.send('GET', '/records')
    const tag = list.headers.get('etag') ?? ''
    expect(await list.json()).toMatchObject([{ id: 'theirs' }])
    await withUsers(targetsOf(database), (users) => users.delete(former.userId))

    const user = { userId: former.userId, email: 'later@nas.local', masterPasswordHash: 'eA==' }
    const signUp = { id: user.userId, email: user.email, hint: '' }
    const created = await fetch(new URL('/users', server.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...signUp, master_password_hash: user.masterPasswordHash }),
    })
    expect(created.status).toBe(201)
    const later = await logIn(server.url, user)
    expect((await later.send('POST', '/records', aRecord({ id: 'own' }))).status).toBe(201)
    for (const headers of [{}, { 'if-none-match': tag }]) {
      const answer = await later.send('GET', '/records', undefined, headers)
      expect({ status: answer.status, body: await answer.json() }).toMatchObject({
        ...{ status: 200, body: [{ id: 'own' }] },
      })
    }
  })
})
