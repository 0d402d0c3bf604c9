import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import type { Database } from '../../src/database/database'
import type { Device } from '../../src/domain/devices'
import { insertUser } from '../../src/domain/users'
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

  test('keeps the networks of its accounts as devices of unknown kind, in their order', async () => {
    await using database = await open()
    const all = migrationsFor(database.columns, () => 7_000)
    const before = Object.fromEntries(Object.entries(all).filter(([name]) => name < '0009'))
    await database.at(before).withExclusive({ create: true }, async ({ db }) => {
      for (const id of ['a', 'b']) {
        await sql`
          insert into users (id, email, master_password_hash, email_confirmed, session_epoch, creation_time)
          values (${id}, ${`${id}@nas.local`}, 'v', ${sql.raw('true')}, 'e', 5)
        `.execute(db)
        for (const network of ['10.0.0.9', '2001:db8:1:2::/64', '-']) {
          await sql`
            insert into known_addresses (user_id, network, time) values (${id}, ${network}, 8)
          `.execute(db)
        }
      }
    })
    const { store } = await database.at(all).openForServer({ create: false })
    const device = { kind: 'unknown', firstTime: null, lastTime: 8 } as const
    expect(await store.read((tx) => tx.devices.list('a'))).toEqual(
      ['-', '2001:db8:1:2::/64', '10.0.0.9'].map((network): Device => ({ ...device, network })),
    )
    // The rows of the next sign-ins come after them, and go with their account.
    await store.write(async (tx) => {
      const device = { kind: 'edge', network: 'x' } as const
      await tx.devices.remember('b', device, { time: 8, max: 9 })
      await tx.users.delete('a')
    })
    expect((await store.read((tx) => tx.devices.list('b')))[0]?.network).toBe('x')
    expect(await store.read((tx) => tx.devices.list('a'))).toEqual([])
    await store.close()
  })

  test('keeps the accounts of one mailbox, and gives each a number', async () => {
    await using database = await open()
    const all = migrationsFor(database.columns, () => 7_000)
    const before = Object.fromEntries(Object.entries(all).filter(([name]) => name < '0007'))
    const emails = [
      'b@xn--bcher-kva.example',
      'a@nas.local',
      'b@bücher.example',
      'b@bu\u0308cher.example',
    ] as const
    await database.at(before).withExclusive({ create: true }, async ({ db }) => {
      for (const [index, email] of emails.entries()) {
        await sql`
          insert into users (id, email, master_password_hash, email_confirmed, session_epoch, creation_time)
          values (${`u${index}`}, ${email}, 'v', ${sql.raw('true')}, 'e', 5)
        `.execute(db)
        await sql`insert into invitations (email, creation_time) values (${`i${email}`}, 1)`.execute(
          db,
        )
      }
    })
    const { store } = await database.at(all).openForServer({ create: false })
    const state = await store.read(async (tx) => ({
      found: await Promise.all(
        emails.map(async (email) => (await tx.users.findByEmail(email))?.id),
      ),
      oldest: (await tx.users.findByMailbox('B@BÜCHER.example'))?.id,
      twins: await tx.users.listTwins(),
      invited: (await tx.invitations.find('ib@BÜCHER.example'))?.email,
    }))
    expect(state).toEqual({
      found: ['u0', 'u1', 'u2', 'u3'],
      oldest: 'u0',
      twins: [[emails[0], emails[2], emails[3]]],
      invited: `i${emails[0]}`,
    })
    // A new one is refused even if the account that would be in its way is gone.
    const signUp = { id: 'new', passwordHash: 'v', hint: null, emailConfirmed: true }
    const user = {
      ...signUp,
      sessionEpoch: 'e',
      creationTime: 1,
      isDisabled: false,
      loginTime: null,
      deletionTime: null,
    }
    const add = (email: string) =>
      store
        .write((tx) => insertUser(tx, { ...user, email }))
        .then(
          () => 'added',
          ({ code }) => code,
        )
    await store.write((tx) => tx.users.delete('u0'))
    expect(await add('b@Bücher.example')).toBe('conflict')
    await store.write(async (tx) => {
      await tx.users.delete('u2')
      await tx.users.delete('u3')
    })
    expect(await add('b@bücher.example')).toBe('added')
    await store.close()
  })
})
