import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { createAuditSigner } from '../../src/crypto/audit-signer'
import type { Timing } from '../../src/database/database'
import { errorMessageWithCauses } from '../../src/domain/errors'
import type { Store } from '../../src/domain/store'
import { postgresColumnTypes } from '../../src/engine/column-types'
import { migrationsFor } from '../../src/store/migrations/index'
import type { OpenedStore } from '../../src/store/store'
import { captureError } from '../support/capture-error'
import {
  createPostgresDatabase,
  queryPostgres,
  startCluster,
  startPostgresFirst,
} from '../support/postgres'
import { startProxy } from '../support/proxy'
import { aUser, createMigratedPostgres, postgresDatabaseAt, withRevision } from '../support/store'
import { patientTiming } from '../support/timing'
import { until } from '../support/until'

startPostgresFirst('newest')

/** Opens the store as a server does. Its pauses are short: other tests have their lengths. */
async function openServingStore(
  url: string,
  timing: Timing = patientTiming({ speed: 20 }),
): Promise<OpenedStore & AsyncDisposable> {
  const { store } = await postgresDatabaseAt(url, { timing }).openForServer({ create: true })
  return { ...store, [Symbol.asyncDispose]: () => store.close() }
}

/** Returns the URL of the same database through proxies on these ports. */
function throughProxy(url: string, ...ports: number[]): string {
  const { username, password, pathname } = new URL(url)
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',')
  return `postgres://${username}:${password}@${hosts}${pathname}`
}

function addressOf(url: string) {
  const { hostname, port } = new URL(url)
  return { hostname, port: Number(port || 5432) }
}

const add = (store: Store, user = aUser()) => store.write((tx) => tx.users.insert(user))

async function countUsers(url: string): Promise<number> {
  const [row] = await queryPostgres(url, 'select count(*)::int as users from users')
  return Number(row?.['users'])
}

/**
 * Makes every insert of a user run `body`, in which `attempt` is the number of the attempt. Returns a function that returns the
 * number of attempts, also those that were rolled back.
 */
async function addInsertTrigger(
  url: string,
  body: string,
  when: 'at insert' | 'at commit' = 'at insert',
) {
  const trigger =
    when === 'at insert'
      ? 'trigger failing before insert on users for each row'
      : 'constraint trigger failing after insert on users deferrable initially deferred for each row'
  await queryPostgres(
    url,
    `create sequence attempts;
    create function fail() returns trigger language plpgsql as $$
      declare attempt integer := nextval('attempts');
      begin ${body} return new; end $$;
    create ${trigger} execute procedure fail()`,
  )
  return async () => {
    const [row] = await queryPostgres(url, 'select last_value::int as attempts from attempts')
    return Number(row?.['attempts'])
  }
}

/** Those of a version that has one more. */
const newerMigrations = {
  ...migrationsFor(postgresColumnTypes, Date.now),
  '9999-colour': {
    up: async (db: Parameters<NonNullable<ReturnType<typeof migrationsFor>[string]>['up']>[0]) =>
      void (await sql`alter table users add column colour text`.execute(db)),
  },
}

describe('a write on Postgres', () => {
  test.each([
    ['a serialization failure', '40001'],
    ['a deadlock', '40P01'],
    ['a statement timeout', '57014'],
    ['a lock timeout', '55P03'],
    ['too many connections', '53300'],
    ['the server became a standby', '25006'],
  ])('is repeated after %s', async (_name, code) => {
    await using database = await createPostgresDatabase()
    await using store = await openServingStore(database.url)
    const attempts = await addInsertTrigger(
      database.url,
      `if attempt < 3 then raise exception using errcode = '${code}'; end if;`,
    )
    expect(await add(store)).toBeTrue()
    expect(await attempts()).toBe(3)
    expect(await countUsers(database.url)).toBe(1)
  })

  test.each([
    ['its connection is cut before it commits', 'at insert'],
    ['Postgres rolls it back at commit', 'at commit'],
  ] as const)('is repeated when %s', async (_name, when) => {
    await using database = await createPostgresDatabase()
    await using store = await openServingStore(database.url)
    const failure =
      when === 'at insert'
        ? 'perform pg_terminate_backend(pg_backend_pid());'
        : "raise exception using errcode = '40001';"
    const attempts = await addInsertTrigger(
      database.url,
      `if attempt = 1 then ${failure} end if;`,
      when,
    )
    expect(await add(store)).toBeTrue()
    expect(await attempts()).toBe(2)
    expect(await countUsers(database.url)).toBe(1)
  })

  test('that may have committed is not repeated, and fails as unavailable', async () => {
    await using database = await createPostgresDatabase()
    await using store = await openServingStore(database.url)
    const attempts = await addInsertTrigger(
      database.url,
      'perform pg_terminate_backend(pg_backend_pid());',
      'at commit',
    )
    expect(await captureError(add(store))).toMatchObject({ code: 'unavailable' })
    expect(await attempts()).toBe(1)
    await queryPostgres(database.url, 'drop trigger failing on users')
    expect(await add(store)).toBeTrue()
  })

  test('without space fails as storage_full, and reads still work', async () => {
    await using database = await createPostgresDatabase()
    await using store = await openServingStore(database.url)
    const user = aUser()
    await add(store, user)
    await addInsertTrigger(database.url, "raise exception using errcode = '53100';")
    expect(await captureError(add(store))).toMatchObject({ code: 'storage_full' })
    expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user))
  })

  test('that fails because of a bug is not repeated, and its error is not translated', async () => {
    await using database = await createPostgresDatabase()
    await using store = await openServingStore(database.url)
    const attempts = await addInsertTrigger(
      database.url,
      "raise exception using errcode = '22012';",
    )
    expect(await captureError(add(store))).toMatchObject({ code: '22012' })
    expect(await attempts()).toBe(1)
  })
})

describe('a connection to Postgres', () => {
  test('that is lost while idle is replaced, and no write fails', async () => {
    await using database = await createPostgresDatabase()
    using proxy = startProxy(addressOf(database.url))
    await using store = await openServingStore(throughProxy(database.url, proxy.port))
    for (let round = 0; round < 5; round++) {
      expect(await add(store)).toBeTrue()
      proxy.cut()
    }
    expect(await countUsers(database.url)).toBe(5)
  })

  test('that no longer answers makes transactions fail as unavailable in time, and is replaced', async () => {
    await using database = await createPostgresDatabase()
    using proxy = startProxy(addressOf(database.url))
    const timing = patientTiming({ longestPause: 999 })
    await using store = await openServingStore(throughProxy(database.url, proxy.port), timing)
    const user = aUser()
    await add(store, user)
    proxy.freeze()
    const find = () => store.read((tx) => tx.users.findById(user.id))
    for (const [work, limit] of [
      [find, 7_500],
      [() => add(store), 7_500],
      // The database has been away for longer than that.
      [() => store.check(), 1_000],
    ] as const) {
      const failing = captureError(work())
      // Its statement is sent, and not answered.
      await Bun.sleep(100)
      const endLimits = () => {
        const ended = timing.endLimits()
        return ended.length > 0 ? ended : null
      }
      expect(await until(endLimits, 'the limit of the work')).toEqual([limit])
      expect(await failing).toMatchObject({ code: 'unavailable' })
    }
    proxy.open()
    expect(await find()).toEqual(withRevision(user))
    expect(await add(store)).toBeTrue()
  })

  test('is opened again when the server is back, for transactions that waited', async () => {
    await using database = await createPostgresDatabase()
    using proxy = startProxy(addressOf(database.url))
    await using store = await openServingStore(throughProxy(database.url, proxy.port))
    proxy.close()
    const adding = Array.from({ length: 20 }, () => add(store))
    await Bun.sleep(200)
    proxy.open()
    expect(await Promise.all(adding)).toEqual(Array(20).fill(true))
  })

  test('is to the host that answers, if there are several', async () => {
    await using database = await createPostgresDatabase()
    using first = startProxy(addressOf(database.url))
    using second = startProxy(addressOf(database.url))
    first.close()
    await using store = await openServingStore(throughProxy(database.url, first.port, second.port))
    expect(await add(store)).toBeTrue()
    first.open()
    second.close()
    expect(await add(store)).toBeTrue()
  })

  test('is refused to a server that accepts no writes', async () => {
    await using database = await createPostgresDatabase()
    const name = new URL(database.url).pathname.slice(1)
    const isReadOnly = (value: 'on' | 'off') =>
      queryPostgres(
        new URL('/postgres', database.url).href,
        `alter database ${name} set default_transaction_read_only = ${value}`,
      )
    await isReadOnly('on')
    expect(await captureError(openServingStore(database.url))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('this server does not accept writes'),
    })
    await isReadOnly('off')
    await using store = await openServingStore(database.url)
    expect(await store.check()).toBeUndefined()
  })

  test('is waited for while all are in use', async () => {
    await using database = await createPostgresDatabase()
    await using store = await openServingStore(`${database.url}?pool_size=1`)
    const { promise: done, resolve } = Promise.withResolvers<void>()
    const holding = store.read(async () => await done)
    const waiting = Promise.all(Array.from({ length: 50 }, () => add(store)))
    await Bun.sleep(50)
    resolve()
    await holding
    expect(await waiting).toEqual(Array(50).fill(true))
  })

  test('makes commits wait for the disk, even if the server does not by default', async () => {
    await using database = await createPostgresDatabase()
    const name = new URL(database.url).pathname.slice(1)
    await queryPostgres(database.url, `alter database ${name} set synchronous_commit = off`)
    await using store = await openServingStore(database.url)
    await addInsertTrigger(
      database.url,
      "if current_setting('synchronous_commit') <> 'on' then raise exception 'it is off'; end if;",
    )
    expect(await add(store)).toBeTrue()
  })
})

test('an idle server takes its presence lock again after a restart of Postgres', async () => {
  await using cluster = await startCluster()
  const url = await cluster.createDatabase()
  await using store = await openServingStore(url)
  await cluster.stop('fast')
  await Bun.sleep(200)
  await cluster.start()
  const isPresent = async () => {
    const locks = await queryPostgres(url, "select 1 from pg_locks where locktype = 'advisory'")
    return locks.length > 0
  }
  await until(isPresent, 'the presence lock of the idle server', { interval: 20 })
  const command = postgresDatabaseAt(url).withExclusive({ create: false }, () => Promise.resolve())
  expect(await captureError(command)).toMatchObject({ code: 'conflict' })
  expect(await add(store)).toBeTrue()
})

test('a server that starts before Postgres waits for it', async () => {
  await using cluster = await startCluster()
  const url = await cluster.createDatabase()
  await cluster.stop('fast')
  let isWaiting = false
  const onWaiting = () => {
    isWaiting = true
  }
  const starting = postgresDatabaseAt(url).openForServer({ create: true, onWaiting })
  await until(() => isWaiting, 'the server to wait for Postgres')
  await cluster.start()
  const { store } = await starting
  expect(await add(store)).toBeTrue()
  await store.close()
})

test('a server refuses a database that was replaced while it had no connection', async () => {
  await using database = await createPostgresDatabase()
  using proxy = startProxy(addressOf(database.url))
  // A second is a limit here: that of a database that has been away.
  const timing = patientTiming({ longestPause: 999, speed: 20 })
  await using store = await openServingStore(throughProxy(database.url, proxy.port), timing)
  const signer = createAuditSigner(new Uint8Array(32))
  await store.claimKeyFingerprint({ fingerprint: 'its own', signer, generation: 0, time: 1 })
  await add(store)
  /** Ends every limit until work has failed. */
  const endTimeOf = async (failing: Promise<unknown>) => {
    let isOver = false
    const ending = failing.finally(() => {
      isOver = true
    })
    await until(() => {
      timing.endLimits()
      return isOver
    }, 'the end of the transaction')
    return await ending
  }
  const addInVain = async () => {
    const adding = captureError(add(store))
    // Its first attempt has failed.
    await timing.nextPause(50)
    return await endTimeOf(adding)
  }
  proxy.close()
  expect(await addInVain()).toMatchObject({ code: 'unavailable' })
  // `key rotate` and `recreate-db` do this while the server has no connection that they could see.
  await postgresDatabaseAt(database.url).withExclusive({ create: false }, async ({ db }) => {
    await sql`update facts set value = 'another'`.execute(db)
  })
  proxy.open()
  const refusal = await addInVain()
  expect(refusal).toMatchObject({ code: 'unavailable' })
  expect(errorMessageWithCauses(refusal as Error)).toContain(
    'not the one that this server was started on: restart it',
  )
  expect(await endTimeOf(captureError(store.check()))).toMatchObject({ code: 'unavailable' })
  await queryPostgres(database.url, "update facts set value = 'its own'")
  expect(await add(store)).toBeTrue()
})

describe('a Postgres database', () => {
  test('is created by one of several servers that start at the same time', async () => {
    await using database = await createPostgresDatabase()
    const openings = await Promise.all(
      Array.from({ length: 5 }, () =>
        postgresDatabaseAt(database.url).openForServer({ create: true }),
      ),
    )
    expect(openings.filter(({ created }) => created)).toHaveLength(1)
    const added = await Promise.all(openings.map(({ store }) => add(store)))
    expect(added).toEqual(Array(5).fill(true))
    await Promise.all(openings.map(({ store }) => store.close()))
  })

  test('is migrated only while no other server uses it', async () => {
    await using database = await createPostgresDatabase()
    const older = await openServingStore(database.url)
    const user = aUser()
    await add(older, user)
    const newer = postgresDatabaseAt(database.url, {
      migrations: newerMigrations,
      timing: patientTiming({ speed: 10 }),
    })
    expect(await captureError(newer.openForServer({ create: true }))).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('servers of an older version are using'),
    })
    await older.close()
    const { store } = await newer.openForServer({ create: true })
    expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user))
    await store.close()
    expect(await captureError(openServingStore(database.url))).toMatchObject({
      message: expect.stringContaining('belongs to a newer snailpass (it knows 9999-colour)'),
    })
  })

  test('is migrated once the work before that is done, and not at all if that fails', async () => {
    await using database = await createMigratedPostgres()
    const isMigrated = async () => {
      const columns = await queryPostgres(
        database.url,
        "select 1 from information_schema.columns where table_name = 'users' and column_name = 'colour'",
      )
      return columns.length > 0
    }
    const refuse = () => Promise.reject(new Error('not now'))
    const openAfter = (beforeMigration: () => Promise<void>, { url } = database) =>
      postgresDatabaseAt(url, { migrations: newerMigrations }).openForServer({
        create: true,
        beforeMigration,
      })
    expect(await captureError(openAfter(refuse))).toMatchObject({
      message: expect.stringContaining('not now'),
    })
    expect(await isMigrated()).toBeFalse()

    const seen: boolean[] = []
    const { store } = await openAfter(async () => void seen.push(await isMigrated()))
    await store.close()
    expect([...seen, await isMigrated()]).toEqual([false, true])
    // There is nothing to do before a start without a migration, or for a new database.
    await (await openAfter(refuse)).store.close()
    await using empty = await createPostgresDatabase()
    await (await openAfter(refuse, empty)).store.close()
  })

  test('without our tables is of no use to commands, which leave it alone', async () => {
    await using empty = await createPostgresDatabase()
    const database = postgresDatabaseAt(empty.url)
    const missing = { code: 'unavailable', state: 'missing' }
    const opening = database.openForServer({ create: false })
    expect(await captureError(opening)).toMatchObject(missing)
    const using = database.withExclusive({ create: false }, async () => 'used')
    expect(await captureError(using)).toMatchObject(missing)
    for (const verb of ['withShared', 'withSnapshot'] as const)
      expect(await captureError(database[verb](async () => 'used')), verb).toMatchObject(missing)
    expect(await database.inspect()).toBe('nothing')
    expect(await database.listPendingMigrations()).toEqual(
      Object.keys(migrationsFor(postgresColumnTypes, Date.now)),
    )
  })

  test('with something else under a name that we need is refused before a table is created', async () => {
    await using database = await createPostgresDatabase()
    await queryPostgres(
      database.url,
      'create table new_outbox (id text); create index outbox_user_id on new_outbox (id)',
    )
    const { name, openForServer, withExclusive } = postgresDatabaseAt(database.url)
    const refusal = {
      code: 'unavailable',
      message: [
        `${name} is not as SnailPass creates it; this can change, refuse or hide data:`,
        'the table new_outbox, whose name SnailPass needs',
        'the index outbox_user_id, whose name SnailPass needs',
      ].join('\n'),
      hint: expect.stringContaining('alter table "new_outbox" rename to "other_new_outbox";'),
    }
    expect(await captureError(openForServer({ create: true }))).toMatchObject(refusal)
    const using = withExclusive({ create: true }, () => Promise.resolve())
    expect(await captureError(using)).toMatchObject(refusal)
    expect(await postgresDatabaseAt(database.url).inspect()).toBe('nothing')
  })

  test('that a command uses exclusively is waited for, and then refused', async () => {
    await using database = await createPostgresDatabase()
    let calls = 0
    await postgresDatabaseAt(database.url).withExclusive({ create: true }, async () => {
      const starting = postgresDatabaseAt(database.url, {
        timing: patientTiming({ speed: 500 }),
      }).openForServer({
        create: true,
        onWaiting: () => {
          calls++
        },
      })
      expect(await captureError(starting)).toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('is in use by another snailpass process'),
      })
    })
    expect(calls).toBe(1)
  })

  test('with the migrations of another program is not mistaken for a newer one of ours', async () => {
    await using database = await createPostgresDatabase()
    await queryPostgres(
      database.url,
      "create table kysely_migration (name text, timestamp text); insert into kysely_migration values ('2020-other', '')",
    )
    expect(await captureError(openServingStore(database.url))).toMatchObject({
      message: expect.stringContaining('contains tables of another program: kysely_migration'),
    })
  })

  test('that contains tables of another program is refused, and stays as it is', async () => {
    await using database = await createPostgresDatabase()
    await queryPostgres(database.url, 'create table users (name text)')
    expect(await captureError(openServingStore(database.url))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('contains tables of another program: users'),
    })
    const tables = await queryPostgres(
      database.url,
      "select table_name from information_schema.tables where table_schema = 'public'",
    )
    expect(tables).toEqual([{ table_name: 'users' }])
  })

  test('can be a schema beside others', async () => {
    await using database = await createPostgresDatabase()
    await queryPostgres(database.url, 'create table users (name text); create schema vaults')
    await using store = await openServingStore(`${database.url}?options=-csearch_path%3Dvaults`)
    expect(await add(store)).toBeTrue()
    expect(
      await queryPostgres(database.url, 'select count(*)::int as users from vaults.users'),
    ).toEqual([{ users: 1 }])
    const elsewhere = openServingStore(`${database.url}?options=-csearch_path%3Dnowhere`)
    expect(await captureError(elsewhere)).toMatchObject({
      message: expect.stringContaining('names no existing schema'),
    })
  })

  test.each([
    ['a wrong password', { password: 'wrong' }, 'check user and password'],
    ['a missing database', { pathname: '/nowhere' }, 'createdb'],
    ['a port where nothing listens', { port: '1' }, 'check that Postgres is running'],
    ['TLS that the server does not support', { search: '?sslmode=require' }, 'sslmode'],
    [
      'a missing CA file',
      { search: '?sslmode=verify-full&sslrootcert=/nonexistent' },
      'sslrootcert',
    ],
  ])(
    'with %s is refused with a hint, and without its password in the error',
    async (_name, change, hint) => {
      await using database = await createPostgresDatabase()
      const { password } = new URL(database.url)
      const url = Object.assign(new URL(database.url), change)
      const error = await openServingStore(url.href).catch((thrown) => thrown)
      expect(error).toMatchObject({ code: 'unavailable', hint: expect.stringContaining(hint) })
      expect(Bun.inspect(error)).not.toContain(decodeURIComponent(password))
      expect(Bun.inspect(error)).not.toContain(password)
    },
  )
})

describe('a Postgres server that can not be used', () => {
  /** A role of its own that may connect, with what a test grants it; and the URL with that role. */
  async function createRole(
    url: string,
    statements: (role: string) => readonly string[] = () => [],
  ) {
    const role = `role_${crypto.randomUUID().replaceAll('-', '')}`
    await queryPostgres(url, `create role ${role} login password 'secret'`)
    for (const statement of statements(role)) await queryPostgres(url, statement)
    const own = new URL(url)
    own.username = role
    own.password = 'secret'
    return { role, url: own.href }
  }

  test('because the role may not create tables is told as that, not as its consequence', async () => {
    await using database = await createPostgresDatabase()
    const { url } = await createRole(database.url)
    expect(await captureError(openServingStore(url))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('permission denied for schema public'),
      hint: expect.stringContaining('grant create, usage on schema public to USER'),
    })
  })

  test('because the role lacks a right on a table names both, and the statement that grants it', async () => {
    await using database = await createMigratedPostgres()
    const { role, url } = await createRole(database.url, (name) => [
      `grant select, insert, update, delete on all tables in schema public to ${name}`,
      `revoke insert, delete on notes from ${name}`,
    ])
    expect(await captureError(openServingStore(url))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(
        `can't be used: the user ${role} may not insert, delete in the table notes`,
      ),
      hint: `run as the owner of the tables: grant select, insert, update, delete on all tables in schema "public" to "${role}"`,
    })
    await queryPostgres(database.url, `grant insert, delete on notes to ${role}`)
    await using store = await openServingStore(url)
    expect(await add(store)).toBeTrue()
  })

  test('because the role has too few connections is told with what raises the limit', async () => {
    await using database = await createMigratedPostgres()
    const { url } = await createRole(database.url, (name) => [
      `grant select, insert, update, delete on all tables in schema public to ${name}`,
      `alter role ${name} connection limit 1`,
    ])
    expect(await captureError(openServingStore(url))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('too many connections for role'),
      hint: expect.stringContaining('alter role NAME connection limit -1'),
    })
  })

  test('because a migration fails is told with the error of the migration', async () => {
    await using database = await createMigratedPostgres()
    const migrations = {
      ...migrationsFor(postgresColumnTypes, Date.now),
      '9999-broken': {
        up: async (
          db: Parameters<NonNullable<ReturnType<typeof migrationsFor>[string]>['up']>[0],
        ) => void (await sql`pragma user_version`.execute(db)),
      },
    }
    const broken = postgresDatabaseAt(database.url, { migrations })
    expect(await captureError(broken.openForServer({ create: true }))).toMatchObject({
      message: expect.stringContaining('syntax error at or near "pragma"'),
    })
    await using store = await openServingStore(database.url)
    expect(await add(store)).toBeTrue()
  })

  test('for writes any more refuses them until the rights are back, and serves again without a restart', async () => {
    await using database = await createMigratedPostgres()
    const { role, url } = await createRole(database.url, (name) => [
      `grant select, insert, update, delete on all tables in schema public to ${name}`,
    ])
    const changes: (string | null)[] = []
    const { store } = await postgresDatabaseAt(url, {
      timing: patientTiming({ speed: 100 }),
    }).openForServer({
      create: true,
      onWriteChange: (reason) => changes.push(reason === null ? null : reason.message),
    })
    expect(await add(store)).toBeTrue()
    await queryPostgres(database.url, `revoke insert on users from ${role}`)
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await captureError(add(store))).toMatchObject({ code: 'unavailable' })
    }
    expect(await captureError(store.check())).toMatchObject({ code: 'unavailable' })
    await queryPostgres(database.url, `grant insert on users to ${role}`)
    expect(await add(store)).toBeTrue()
    expect(changes).toEqual([expect.stringContaining('permission denied for table users'), null])
    await store.close()
  })
})
