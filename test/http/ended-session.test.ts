import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { withUsers } from '../../src/app/operations/users'
import { systemRuntime } from '../../src/app/runtime'
import type { ManagedUsers } from '../../src/domain/managed-users'
import { answerOf, failure } from '../support/answers'
import { aField, aNote, aRecord, beginRequest, signUpAndLogIn } from '../support/client'
import { connectPostgres, startPostgresFirst } from '../support/postgres'
import {
  enginesWithTables,
  startServerOn,
  type TestDatabase,
  targetsOf,
} from '../support/test-database'
import { until } from '../support/until'

/*
 * A session that ends after the guard has let a request through, and before the request writes.
 */

startPostgresFirst('newest')

const invalidToken = failure(401, 'Authentication Error. Token is invalid')

/** The milliseconds that a request waits for its body, and a transaction for its next attempt. */
const [bodyTimeout, retryDelay] = [60_000, 50]

const ends: readonly (readonly [string, (users: ManagedUsers, id: string) => Promise<unknown>])[] =
  [
    ['signs the user out', (users, id) => users.logout(id)],
    ['disables the account', (users, id) => users.disable(id)],
    [
      'disables the account and enables it again',
      async (users, id) => {
        await users.disable(id)
        await users.enable(id)
      },
    ],
    ['deletes the account', (users, id) => users.delete(id)],
  ]

/** Every route that writes with a body, for a vault with the entries of `fillVault`. */
const writes = [
  ['POST', '/records', aRecord()],
  ['PUT', '/records', aRecord({ id: 'r', name: 'changed:x' })],
  ['POST', '/notes', aNote()],
  ['PUT', '/notes', aNote({ id: 'n', name: 'changed:x' })],
  ['POST', '/additional_fields', aField('r')],
  ['PUT', '/additional_fields', aField('r', { id: 'f', name: 'changed:x' })],
  ['POST', '/account/vault', { notes: [{ ...aNote(), revision: null }] }],
] as const

const deletions = ['/records?id=r', '/notes?id=n', '/additional_fields?id=f'] as const

/** A server with a vault, which counts the waits for so many milliseconds. */
async function startWithVault(database: TestDatabase) {
  const waits: number[] = []
  const server = await startServerOn(
    database,
    {},
    {
      wait(milliseconds, signal) {
        waits.push(milliseconds)
        return systemRuntime.wait(milliseconds, signal)
      },
    },
  )
  const owner = await signUpAndLogIn(server.url, 'owner')
  await owner.send('POST', '/records', aRecord({ id: 'r' }))
  await owner.send('POST', '/notes', aNote({ id: 'n' }))
  await owner.send('POST', '/additional_fields', aField('r', { id: 'f' }))
  const countWaits = (milliseconds: number) =>
    waits.filter((waited) => waited === milliseconds).length
  return { server, owner, countWaits }
}

/** Returns the rows of all vaults, and how often each has changed. */
async function rowsOf(database: TestDatabase) {
  const tables = ['records', 'notes', 'additional_fields']
  const queries = tables.map((table) => `select * from ${table} order by seq`)
  const rows: unknown[] = []
  for (const query of [...queries, 'select id, revision from users'])
    rows.push(await database.sql(query))
  return rows
}

/** Runs `work` while a transaction of another program has ended all sessions, and commits it then. */
async function whileSessionsEnd(
  { engine, url }: TestDatabase,
  work: () => Promise<void>,
): Promise<void> {
  const end = `update users set session_epoch = 'another'`
  if (engine === 'SQLite') {
    using file = new Database(url.slice('sqlite:'.length))
    file.run('begin immediate')
    file.run(end)
    await work()
    file.run('commit')
    return
  }
  await using connection = await connectPostgres(url)
  await connection.query(`begin; ${end}`)
  await work()
  await connection.query('commit')
}

/** Waits until so many requests wait for a transaction of another program. */
async function untilBlocked(
  database: TestDatabase,
  { count, countWaits }: { count: number; countWaits: (milliseconds: number) => number },
): Promise<void> {
  const before = countWaits(retryDelay)
  const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  await until(
    async () =>
      (database.engine === 'SQLite'
        ? countWaits(retryDelay) - before
        : (await database.sql(waiting)).length) >= count,
    `${count} requests to wait for the database`,
  )
}

describe.each(enginesWithTables)('on $engine', ({ open }) => {
  test.each(ends)(
    'a request whose body arrives after the operator %s is 401 and writes nothing',
    async (_, end) => {
      await using database = await open()
      const { server, owner, countWaits } = await startWithVault(database)
      await using _server = server
      const before = await rowsOf(database)
      const waitsBefore = countWaits(bodyTimeout)
      const finish = writes.map(([method, path, body]) =>
        beginRequest(server.url, owner.token, [method, path], body),
      )
      await until(
        () => countWaits(bodyTimeout) - waitsBefore >= writes.length,
        'all requests to wait for their bodies',
      )
      await withUsers(targetsOf(database), (users) => end(users, owner.userId))
      const isDeleted = (await database.sql('select id from users')).length === 0
      for (const send of finish) expect(await answerOf(send())).toEqual(invalidToken)
      expect(await rowsOf(database)).toEqual(isDeleted ? [[], [], [], []] : before)
    },
  )

  test('a change that waits for the transaction in which its session ends is 401 and writes nothing', async () => {
    await using database = await open()
    const { server, owner, countWaits } = await startWithVault(database)
    await using _server = server
    const before = await rowsOf(database)
    let sent: Promise<Response>[] = []
    await whileSessionsEnd(database, async () => {
      sent = [
        ...writes.map(([method, path, body]) => owner.send(method, path, body)),
        ...deletions.map((path) => owner.send('DELETE', path)),
      ]
      await untilBlocked(database, { count: sent.length, countWaits })
    })
    for (const answer of sent) expect(await answerOf(answer)).toEqual(invalidToken)
    expect(await rowsOf(database)).toEqual(before)
  })
})
