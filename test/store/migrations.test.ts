import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { type Columns, postgresColumns, sqliteColumns } from '../../src/engine/columns'
import type { Database } from '../../src/store/database'
import { type Migrations, migrationsFor } from '../../src/store/migrations'
import { temporaryFolder } from '../support/executable'
import { aPostgresDatabase } from '../support/postgres'
import { databaseIn, postgresAt, virtualTiming } from '../support/store'

/** An empty place on an engine, and the database there as a program with these migrations sees it. */
interface Place extends AsyncDisposable {
  readonly columns: Columns
  at(migrations: Migrations): Database
}

const engines: { engine: string; open: () => Promise<Place> }[] = [
  {
    engine: 'SQLite',
    async open() {
      const folder = temporaryFolder()
      return {
        columns: sqliteColumns,
        at: (migrations) => databaseIn(folder.path, virtualTiming(), migrations),
        [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
      }
    },
  },
  ...(['newest', 'oldest'] as const).map((version) => ({
    engine: `the ${version} Postgres`,
    async open() {
      const database = await aPostgresDatabase(version)
      return {
        columns: postgresColumns,
        at: (migrations: Migrations) => postgresAt(database.url, { migrations }),
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      }
    },
  })),
]

describe.each(engines)('a database of the version before, on $engine,', ({ open }) => {
  test('keeps its accounts and the letters that wait, in their order', async () => {
    await using place = await open()
    const all = migrationsFor(place.columns, () => 7_000)
    const before = Object.fromEntries(Object.entries(all).filter(([name]) => name < '0004'))
    await place.at(before).alone({ create: true }, async ({ db }) => {
      for (const id of ['a', 'b']) {
        await sql`
          insert into users (id, email, master_password_hash, email_confirmed, session_epoch, creation_time)
          values (${id}, ${`${id}@nas.local`}, 'v', ${sql.raw(String(id === 'a'))}, 'e', 5)
        `.execute(db)
      }
      // In another order than that of their ids.
      for (const id of ['z', 'y', 'x']) {
        await sql`
          insert into outbox (id, user_id, kind, base_url, state, creation_time, next_time, attempts, lease, reason)
          values (${id}, 'b', 'confirmation', 'http://pi/', 'queued', 1, 2, 3, null, ${`why ${id}`})
        `.execute(db)
      }
    })
    const { store, created } = await place.at(all).serve({ create: false })
    expect(created).toBeFalse()
    const [users, letters] = await store.read(async (scope) => [
      await scope.users.listSummaries(),
      await scope.outbox.list(),
    ])
    expect(users).toMatchObject([
      { id: 'a', isDisabled: false, loginTime: null, letters: 0 },
      { id: 'b', isDisabled: false, loginTime: null, letters: 3 },
    ])
    expect(letters).toEqual(
      ['z', 'y', 'x'].map((id) => ({
        id,
        ...{ kind: 'confirmation', userId: 'b', email: 'b@nas.local', baseUrl: 'http://pi/' },
        ...{ state: 'queued', creationTime: 1, nextTime: 2, attempts: 3, reason: `why ${id}` },
      })),
    )
    // New letters have their place behind them, and go with their account as before.
    await store.write(async (scope) => {
      await scope.outbox.put({
        ...{ id: 'w', kind: 'confirmation', userId: 'a', baseUrl: 'http://pi/', creationTime: 9 },
      })
    })
    const order = async () =>
      (await store.read((scope) => scope.outbox.list())).map((letter) => letter.id)
    expect(await order()).toEqual(['z', 'y', 'x', 'w'])
    await store.write((scope) => scope.users.delete('b'))
    expect(await order()).toEqual(['w'])
    await store.close()
  })
})
