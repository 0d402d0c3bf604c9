import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import type { Database } from '../../src/database/database'
import {
  type ColumnTypes,
  postgresColumnTypes,
  sqliteColumnTypes,
} from '../../src/engine/column-types'
import { type Migrations, migrationsFor } from '../../src/store/migrations'
import { temporaryFolder } from '../support/executable'
import { createPostgresDatabase, startPostgresFirst } from '../support/postgres'
import { postgresDatabaseAt, sqliteDatabaseIn, virtualTiming } from '../support/store'

startPostgresFirst('newest', 'oldest')

/** An empty database on one engine, and how a version of the program with other migrations opens it. */
interface TestDatabase extends AsyncDisposable {
  readonly columns: ColumnTypes
  at(migrations: Migrations): Database
}

const engines: { engine: string; open: () => Promise<TestDatabase> }[] = [
  {
    engine: 'SQLite',
    async open() {
      const folder = temporaryFolder()
      return {
        columns: sqliteColumnTypes,
        at: (migrations) => sqliteDatabaseIn(folder.path, virtualTiming(), migrations),
        [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
      }
    },
  },
  ...(['newest', 'oldest'] as const).map((version) => ({
    engine: `the ${version} Postgres`,
    async open() {
      const database = await createPostgresDatabase(version)
      return {
        columns: postgresColumnTypes,
        at: (migrations: Migrations) => postgresDatabaseAt(database.url, { migrations }),
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      }
    },
  })),
]

describe.each(engines)('a database of an older version on $engine', ({ open }) => {
  test('keeps its accounts and its pending emails in their order', async () => {
    await using database = await open()
    const all = migrationsFor(database.columns, () => 7_000)
    const before = Object.fromEntries(Object.entries(all).filter(([name]) => name < '0004'))
    await database.at(before).withExclusive({ create: true }, async ({ db }) => {
      for (const id of ['a', 'b']) {
        await sql`
          insert into users (id, email, master_password_hash, email_confirmed, session_epoch, creation_time)
          values (${id}, ${`${id}@nas.local`}, 'v', ${sql.raw(String(id === 'a'))}, 'e', 5)
        `.execute(db)
      }
      // Not in the order of their ids.
      for (const id of ['z', 'y', 'x']) {
        await sql`
          insert into outbox (id, user_id, kind, base_url, state, creation_time, next_time, attempts, lease, reason)
          values (${id}, 'b', 'confirmation', 'http://pi/', 'queued', 1, 2, 3, null, ${`why ${id}`})
        `.execute(db)
      }
    })
    const { store, created } = await database.at(all).openForServer({ create: false })
    expect(created).toBeFalse()
    const [users, emails] = await store.read(async (tx) => [
      await tx.users.listSummaries(),
      await tx.outbox.list(),
    ])
    expect(users).toMatchObject([
      { id: 'a', isDisabled: false, loginTime: null, pendingEmails: 0 },
      { id: 'b', isDisabled: false, loginTime: null, pendingEmails: 3 },
    ])
    expect(emails).toEqual(
      ['z', 'y', 'x'].map((id) => ({
        id,
        ...{ kind: 'confirmation', userId: 'b', email: 'b@nas.local', baseUrl: 'http://pi/' },
        ...{ state: 'queued', creationTime: 1, nextTime: 2, attempts: 3, reason: `why ${id}` },
      })),
    )
    // A new email is last in the queue, and emails are still deleted with their account.
    await store.write(async (tx) => {
      await tx.outbox.put({
        ...{ id: 'w', kind: 'confirmation', userId: 'a', baseUrl: 'http://pi/', creationTime: 9 },
      })
    })
    const order = async () => (await store.read((tx) => tx.outbox.list())).map((email) => email.id)
    expect(await order()).toEqual(['z', 'y', 'x', 'w'])
    await store.write((tx) => tx.users.delete('b'))
    expect(await order()).toEqual(['w'])
    await store.close()
  })
})
