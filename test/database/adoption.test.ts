import { Database as SqliteFile } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { parseDatabaseUrl } from '../../src/config/database-url'
import { type AdoptionOptions, adoptLegacyDatabase } from '../../src/database/adoption'
import type { Database } from '../../src/database/database'
import { sqliteDatabase } from '../../src/database/sqlite-database'
import { resolveSqliteLocation } from '../../src/database/sqlite-location'
import { captureError } from '../support/capture-error'
import { recordFileOperations } from '../support/file-operations'
import {
  createLegacyPostgres,
  createLegacySqlite,
  type LegacyDatabase,
} from '../support/legacy-database'
import { connectPostgres, startPostgresFirst } from '../support/postgres'
import { runTogether } from '../support/postgres-locks'
import { openVault, postgresDatabaseAt, queryRows, virtualTiming } from '../support/store'
import { random } from '../support/timing'

startPostgresFirst('newest', 'oldest')

const engines = [
  { engine: 'SQLite', open: createLegacySqlite },
  { engine: 'Postgres', open: () => createLegacyPostgres() },
]

function databaseOf(legacy: LegacyDatabase): Database {
  const location = parseDatabaseUrl(legacy.url)
  if (location.engine === 'postgres')
    return postgresDatabaseAt(legacy.url, { databaseBackupDir: legacy.folder })
  return sqliteDatabase(resolveSqliteLocation(location.path, legacy.folder), virtualTiming())
}

function adopt(legacy: LegacyDatabase, options: Partial<AdoptionOptions> = {}) {
  return databaseOf(legacy).withExclusive({ create: false }, (exclusive) =>
    adoptLegacyDatabase(exclusive, {
      keep: [],
      dryRun: false,
      random,
      clock: () => now,
      ...options,
    }),
  )
}

/** The report on the sample database, of which every row can be adopted. */
const completeAdoption = [
  { table: 'users', adoptedRows: 3, setAside: {}, nullFlags: 0 },
  { table: 'records', adoptedRows: 20, setAside: {}, nullFlags: 0 },
  { table: 'notes', adoptedRows: 8, setAside: {}, nullFlags: 0 },
  { table: 'additional_fields', adoptedRows: 30, setAside: {}, nullFlags: 0 },
]

const now = Date.UTC(2026, 10, 24)
const alice = 'f021ca4c-2e84-40ca-9d5d-e98778fb994b'

/** Returns SQL that inserts an account with one record, one additional field and one note. */
function insertLegacyUser(id: string, email: string): string {
  const times = "'2026-01-02 03:04:05.678901', '2026-01-02 03:04:06'"
  return `
    insert into users values ('${id}', '${email}', 'dmVyaWZpZXI=', null, true);
    insert into records values ('r-${id}', 'n:n', 'l:l', 'p:p', '${id}', true, false, ${times});
    insert into additional_fields values ('f-${id}', 'n:n', 'v:v', 'r-${id}');
    insert into notes values ('n-${id}', 'n:n', 'c:c', '${id}', false, true, ${times});
  `
}

/** Returns every row of the four tables. */
async function allRows({ url }: LegacyDatabase): Promise<unknown> {
  const tables = ['users', 'records', 'notes', 'additional_fields']
  return await Promise.all(
    tables.map((table) => queryRows(url, `select * from ${table} order by id`)),
  )
}

describe.each(engines)("the original server's database on $engine", ({ engine, open }) => {
  test('is recognised, and is not served before the adoption', async () => {
    await using legacy = await open()
    const before = await allRows(legacy)
    expect(await captureError(databaseOf(legacy).openForServer({ create: true }))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is a database of the original SnailPass server'),
      hint: expect.stringContaining('snailpass adopt'),
    })
    expect(await allRows(legacy)).toEqual(before)
  })

  test('is adopted completely, with its order and its times', async () => {
    await using legacy = await open()
    const [users, records] = [
      await queryRows(legacy.url, 'select * from users'),
      await queryRows(legacy.url, 'select id, cast(creation_time as text) as time from records'),
    ]
    const report = await adopt(legacy)
    expect(report).toEqual({
      tables: completeAdoption,
      lowerCasedEmails: 0,
      backupPath: engine === 'SQLite' ? expect.stringContaining('before-adoption') : null,
    })

    // The first event of its audit log.
    const events = await queryRows(legacy.url, 'select time, kind, actor, detail from audit')
    expect<unknown>(events.map((event) => ({ ...event, time: Number(event['time']) }))).toEqual([
      {
        time: now,
        kind: 'adopted',
        actor: 'operator',
        detail:
          '3 users, 20 records, 8 notes, 30 additional_fields taken over; 0 emails in lower case',
      },
    ])

    const { store, created } = await databaseOf(legacy).openForServer({ create: false })
    expect(created).toBeFalse()
    for (const user of users) {
      const found = await store.read((tx) => tx.users.findById(String(user['id'])))
      expect(found).toEqual({
        id: String(user['id']),
        email: String(user['email']),
        passwordHash: String(user['master_password_hash']),
        hint: user['hint'] as string | null,
        emailConfirmed: Boolean(user['email_confirmed']),
        sessionEpoch: expect.stringMatching(/^[\w-]{22}$/),
        creationTime: now,
        isDisabled: false,
        loginTime: null,
        deletionTime: null,
        revision: 0,
      })
    }
    const oldest = records.toSorted((a, b) => String(a['time']).localeCompare(String(b['time'])))
    const adopted = await queryRows(
      legacy.url,
      'select id, user_id, creation_time from records order by seq',
    )
    expect(adopted.map((row) => ({ id: row['id'], time: Number(row['creation_time']) }))).toEqual(
      oldest.map((row) => ({ id: row['id'], time: millisecondsOf(String(row['time'])) })),
    )
    // New rows come after the old ones.
    await store.write(async (tx) => {
      const [record] = adopted
      const vault = await openVault(tx, String(record?.['user_id']))
      const field = { id: 'new', recordId: String(record?.['id']), name: 'n:n', value: 'v:v' }
      expect(await vault.additionalFields.insert(field)).toBe('added')
    })
    const [last] = await queryRows(
      legacy.url,
      'select id from additional_fields order by seq desc limit 1',
    )
    expect(last).toEqual({ id: 'new' })
    expect(await queryRows(legacy.url, 'select * from set_aside')).toEqual([])
    await store.close()
  })

  test('tells how many rows there are, and how many are done: adopted or kept aside', async () => {
    await using legacy = await open()
    await legacy.run(insertLegacyUser('twin', 'Alice@gmail.com'))
    const seen: unknown[] = []
    const startProgress = (rows: number) => {
      seen.push(rows)
      return (...done: unknown[]) => void seen.push(done)
    }
    await adopt(legacy, { startProgress, keep: [alice] })
    expect(seen).toEqual([
      65,
      ...[
        ['users', 4],
        ['records', 21],
        ['notes', 9],
        ['additional_fields', 31],
      ],
    ])
  })

  test('gets the tables, constraints and indexes of a new database', async () => {
    await using legacy = await open()
    await adopt(legacy)
    expect(
      await captureError(
        legacy.run(
          `insert into users (id, email, master_password_hash, email_confirmed, session_epoch, creation_time, disabled)
          select 'x', email, 'v', true, 'e', 0, false from users limit 1`,
        ),
      ),
    ).toMatchObject({ message: expect.stringMatching(/unique constraint/i) })
    const leftovers =
      engine === 'SQLite'
        ? "select name from sqlite_schema where name like 'original%'"
        : "select relname from pg_class where relname like 'original%'"
    expect(await queryRows(legacy.url, leftovers)).toEqual([])
  })

  test('is not changed by a dry run', async () => {
    await using legacy = await open()
    await legacy.run(insertLegacyUser('big', 'Big@NAS.lan'))
    const before = await allRows(legacy)
    const report = await adopt(legacy, { dryRun: true })
    expect(report).toMatchObject({ lowerCasedEmails: 1, backupPath: null })
    expect(report.tables[0]).toMatchObject({ adoptedRows: 4 })
    expect(await allRows(legacy)).toEqual(before)
  })

  test('gets its emails in lower case', async () => {
    await using legacy = await open()
    await legacy.run(insertLegacyUser('big', 'Änne@NAS.lan'))
    expect((await adopt(legacy)).lowerCasedEmails).toBe(1)
    const found = await queryRows(legacy.url, "select email from users where id = 'big'")
    expect(found).toEqual([{ email: 'änne@nas.lan' }])
  })

  test('with two accounts of one email is refused until the operator chooses, and is not changed', async () => {
    await using legacy = await open()
    await legacy.run(insertLegacyUser('twin', 'Alice@gmail.com'))
    const before = await allRows(legacy)
    expect(await captureError(adopt(legacy))).toMatchObject({
      code: 'conflict',
      message: `several accounts share an email address, which only one of them can keep:\nalice@gmail.com belongs to ${alice} (10 records, 3 notes) and twin (1 record, 1 note)`,
      hint: expect.stringContaining('--keep'),
    })
    expect(await captureError(adopt(legacy, { keep: ['nobody'] }))).toMatchObject({
      code: 'not_found',
    })
    expect(await captureError(adopt(legacy, { keep: [alice, 'twin'] }))).toMatchObject({
      code: 'conflict',
    })
    expect(await allRows(legacy)).toEqual(before)
    const copies = readdirSync(legacy.folder).filter((name) => name.includes('before'))
    expect(copies).toEqual([])

    const { tables } = await adopt(legacy, { keep: [alice] })
    expect(tables).toEqual([
      {
        table: 'users',
        adoptedRows: 3,
        setAside: { 'another account keeps the email': 1 },
        nullFlags: 0,
      },
      {
        table: 'records',
        adoptedRows: 20,
        setAside: { 'no account to belong to': 1 },
        nullFlags: 0,
      },
      { table: 'notes', adoptedRows: 8, setAside: { 'no account to belong to': 1 }, nullFlags: 0 },
      {
        table: 'additional_fields',
        adoptedRows: 30,
        setAside: { 'no record to belong to': 1 },
        nullFlags: 0,
      },
    ])
    const setAsideRows = await queryRows(
      legacy.url,
      'select origin, content from set_aside order by seq',
    )
    const kept = setAsideRows.map(({ origin, content }) => [origin, JSON.parse(String(content)).id])
    expect(kept).toEqual([
      ['users', 'twin'],
      ['records', 'r-twin'],
      ['notes', 'n-twin'],
      ['additional_fields', 'f-twin'],
    ])
  })

  test('gets false for flags that are null, and these are counted', async () => {
    await using legacy = await open()
    await legacy.run(`
      ${insertLegacyUser('one', 'one@nas.lan')}
      update records set is_favorite = null, is_deleted = null where id = 'r-one';
      update notes set is_deleted = null where id = 'n-one';
    `)
    const { tables } = await adopt(legacy)
    expect(tables.map(({ nullFlags }) => nullFlags)).toEqual([0, 1, 1, 0])
    const { store } = await databaseOf(legacy).openForServer({ create: false })
    const entry = { owner: 'one', isFavorite: false, isTrashed: false, revision: 0 }
    const times = {
      creationTime: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      updateTime: Date.UTC(2026, 0, 2, 3, 4, 6),
    }
    expect(await store.read((tx) => tx.records.listByOwner('one'))).toEqual([
      {
        id: 'r-one',
        ...entry,
        ...times,
        name: 'n:n',
        login: 'l:l',
        password: 'p:p',
        additionalFields: [{ id: 'f-one', recordId: 'r-one', name: 'n:n', value: 'v:v' }],
      },
    ])
    expect(await store.read((tx) => tx.notes.listByOwner('one'))).toEqual([
      { id: 'n-one', ...entry, ...times, name: 'n:n', content: 'c:c' },
    ])
    await store.close()
  })

  test('gets accounts without a confirmed email from those where that is null', async () => {
    await using legacy = await open()
    // The original server requires a value, so the table has to be another one.
    await legacy.run(
      engine === 'Postgres'
        ? 'alter table users alter column email_confirmed drop not null'
        : `pragma foreign_keys = off; pragma legacy_alter_table = on;
           alter table users rename to before;
           create table users (id varchar not null primary key, email varchar not null,
             master_password_hash varchar not null, hint varchar, email_confirmed boolean);
           insert into users select * from before; drop table before;`,
    )
    await legacy.run(`update users set email_confirmed = null where id = '${alice}'`)
    const { tables } = await adopt(legacy)
    expect(tables.map(({ nullFlags }) => nullFlags)).toEqual([1, 0, 0, 0])
    const found = await queryRows(
      legacy.url,
      `select email_confirmed from users where id = '${alice}'`,
    )
    expect(found.map((user) => Boolean(user['email_confirmed']))).toEqual([false])
  })

  test('keeps rows that belong to no account aside completely, and counts them', async () => {
    await using legacy = await open()
    const dropForeignKeys =
      engine === 'SQLite'
        ? 'pragma foreign_keys = off;'
        : `alter table records drop constraint records_user_id_fkey;
           alter table notes drop constraint notes_user_id_fkey;
           alter table additional_fields drop constraint additional_fields_record_id_fkey;`
    await legacy.run(`
      ${dropForeignKeys}
      ${insertLegacyUser('gone', 'gone@nas.lan')}
      delete from users where id = 'gone';
      insert into additional_fields values ('lost', 'n:n', 'v:v', 'nowhere');
    `)
    const { tables } = await adopt(legacy)
    expect(tables).toEqual([
      { table: 'users', adoptedRows: 3, setAside: {}, nullFlags: 0 },
      {
        table: 'records',
        adoptedRows: 20,
        setAside: { 'no account to belong to': 1 },
        nullFlags: 0,
      },
      { table: 'notes', adoptedRows: 8, setAside: { 'no account to belong to': 1 }, nullFlags: 0 },
      {
        table: 'additional_fields',
        adoptedRows: 30,
        setAside: { 'no record to belong to': 2 },
        nullFlags: 0,
      },
    ])
    const [record] = await queryRows(
      legacy.url,
      "select reason, content from set_aside where origin = 'records'",
    )
    expect(record?.['reason']).toBe('no account to belong to')
    expect(JSON.parse(String(record?.['content']))).toMatchObject({
      id: 'r-gone',
      name: 'n:n',
      login: 'l:l',
      password: 'p:p',
      user_id: 'gone',
    })
  })

  test('stays as it was when the adoption fails in the middle', async () => {
    await using legacy = await open()
    const before = await allRows(legacy)
    let draws = 0
    const failing = (count: number) => {
      if (++draws === 3) throw new Error('the power went')
      return random(count)
    }
    expect(await captureError(adopt(legacy, { random: failing }))).toMatchObject({
      message: expect.stringContaining('the power went'),
    })
    expect(await allRows(legacy)).toEqual(before)
    const copies = readdirSync(legacy.folder).filter((name) => name.includes('before'))
    expect(copies).toEqual([])
    expect((await adopt(legacy)).tables).toEqual(completeAdoption)
  })

  test('can have indexes with the names of ours', async () => {
    await using legacy = await open()
    await legacy.run('create index records_user_id on records (user_id)')
    expect((await adopt(legacy)).tables).toEqual(completeAdoption)
  })
})

test('a SQLite file in WAL mode that another process has open is adopted, and recognised as ours', async () => {
  await using legacy = await createLegacySqlite()
  using other = new SqliteFile(legacy.url.slice('sqlite:'.length))
  other.run('pragma journal_mode = wal')
  other.query('select count(*) from users').get()
  expect((await adopt(legacy)).tables).toEqual(completeAdoption)
  // The header in the file may still be the old one: the new one is in the log.
  const { store } = await databaseOf(legacy).openForServer({ create: false })
  expect(await store.read((tx) => tx.records.listByOwner(alice))).toHaveLength(10)
  await store.close()
})

test('rows that a running original server commits during the adoption are adopted too', async () => {
  await using legacy = await createLegacyPostgres()
  const insert = insertLegacyUser('late', 'late@nas.lan')
  const [adopted] = await runTogether(legacy.url, insert, [() => adopt(legacy)])
  const users = { table: 'users', adoptedRows: 4, setAside: {}, nullFlags: 0 }
  expect(adopted?.tables[0]).toEqual(users)
})

test('an original server that goes on with its work is no reason to refuse an adoption', async () => {
  await using legacy = await createLegacyPostgres()
  const end = new AbortController()
  const signUpUntilEnd = async () => {
    await using server = await connectPostgres(legacy.url)
    let count = 0
    for (; !end.signal.aborted; count++)
      await server.query(insertLegacyUser(`late${count}`, `late${count}@nas.lan`))
    return count
  }
  const signingUp = signUpUntilEnd()
  try {
    for (let tries = 0; tries < 2; tries++) await adopt(legacy, { dryRun: true })
  } finally {
    end.abort()
    await signingUp
  }
  const late = await signingUp
  expect((await adopt(legacy)).tables[0]).toMatchObject({ adoptedRows: 3 + late })
})

describe('an adoption is refused by name, and changes nothing, because of', () => {
  const onSqlite: readonly (readonly [statements: string, name: string, fix: string | null])[] = [
    [
      'create trigger evil after insert on users begin select 1; end',
      'the trigger evil on users',
      'drop trigger "evil";',
    ],
    [
      'create view emails as select email from users',
      'the view emails over our tables',
      'drop view "emails";',
    ],
    [
      'create table facts (id text)',
      'the table facts, whose name SnailPass needs',
      'alter table "facts" rename to "other_facts";',
    ],
    [
      'create table new_outbox (id text)',
      'the table new_outbox, whose',
      'alter table "new_outbox" rename',
    ],
    [
      'create table original_notes (id text)',
      'the table original_notes, whose',
      'alter table "original_notes" rename',
    ],
    ['create view audit as select 1', 'the view audit, whose', 'drop view "audit";'],
    [
      'create index original_users on notes (name)',
      'the index original_users, whose',
      'drop index "original_users";',
    ],
    [
      'create table x (y); create index outbox_user_id on x (y)',
      'the index outbox_user_id, whose',
      'drop index "outbox_user_id";',
    ],
    [
      'create table x (y references users (id))',
      'the foreign key of the table x to users',
      'drop table "x";',
    ],
    [
      'alter table users add column twice text as (email)',
      'the generated column twice of users',
      'alter table "users" drop column "twice";',
    ],
    [
      'alter table users add column phone text',
      'a further column: phone of users',
      'alter table "users" drop column "phone";',
    ],
    [
      'alter table notes rename column creation_time to t; alter table notes add column creation_time integer; alter table notes drop column t',
      'the column creation_time of notes, which has the type integer',
      null,
    ],
    ['update notes set creation_time = 1700000000', 'of notes without a valid creation_time', null],
    ["update notes set update_time = 'yesterday'", 'of notes without a valid update_time', null],
    ["update records set is_deleted = 'false'", 'of records without a valid is_deleted', null],
    ["update records set name = x'00'", 'of records without a valid name', null],
    // Of texts that are none, accounts with the same email can't be told.
    ["update users set email = x'00'", '3 rows of users without a valid email', null],
    [
      "update notes set update_time = 'today' where id = (select min(id) from notes)",
      '1 row of notes without a valid update_time',
      null,
    ],
    [
      [
        'alter table notes rename to before',
        'create table notes (id varchar, name varchar, content varchar, user_id varchar, is_favorite boolean, is_deleted boolean, creation_time datetime, update_time datetime)',
        'insert into notes select * from before',
        'insert into notes select * from before order by id limit 1',
        'drop table before',
      ].join('; '),
      '1 row of notes with the id of another row',
      null,
    ],
  ]
  const onPostgres: typeof onSqlite = [
    [
      'create view emails as select email from users',
      'the view public.emails over our tables',
      'drop view public.emails;',
    ],
    [
      'create rule evil as on delete to notes do instead nothing',
      'the rule evil on notes',
      'drop rule evil on notes;',
    ],
    [
      'alter table users enable row level security',
      'the row security of users',
      'alter table users disable row level security',
    ],
    [
      'create table facts (id text)',
      'the table facts, whose',
      'alter table "facts" rename to "other_facts";',
    ],
    [
      'create table original_notes (id text)',
      'the table original_notes, whose',
      'alter table "original_notes" rename',
    ],
    [
      'create index original_users_pkey on notes (name)',
      'the index original_users_pkey, whose',
      'drop index "original_users_pkey";',
    ],
    [
      'create table x (y text); create index original_users_pkey on x (y)',
      'the index original_users_pkey, whose',
      'drop index "original_users_pkey";',
    ],
    [
      'create table x (y varchar references users (id))',
      'the foreign key x_y_fkey of the table x to users',
      'alter table x drop constraint x_y_fkey;',
    ],
    [
      'alter table users add column phone text',
      'a further column: phone of users',
      'alter table "users" drop column "phone";',
    ],
    [
      'alter table notes alter column creation_time type text',
      'the column creation_time of notes, which has the type text',
      'alter table "notes" alter column "creation_time" type timestamp',
    ],
    [
      'alter table notes alter column is_deleted type int using 1',
      'the column is_deleted of notes, which has the type integer',
      'alter table "notes" alter column "is_deleted" type boolean',
    ],
    [
      'alter table users alter column email drop not null; update users set email = null',
      'of users without a valid email',
      null,
    ],
    [
      'alter table notes drop constraint notes_pkey; insert into notes select * from notes order by id limit 1',
      '1 row of notes with the id of another row',
      null,
    ],
  ]
  test.each([
    ...onSqlite.map((foreign) => ['SQLite', createLegacySqlite, ...foreign] as const),
    ...onPostgres.map((foreign) => ['Postgres', createLegacyPostgres, ...foreign] as const),
  ])('what was done on %s: %p %s', async (_engine, open, statements, name, fix) => {
    await using legacy = await open()
    await legacy.run(statements)
    const before = await allRows(legacy)
    const error = await captureError(adopt(legacy))
    expect(error).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(name),
      hint: expect.stringContaining(fix ?? ''),
    })
    expect(await allRows(legacy)).toEqual(before)
    expect(readdirSync(legacy.folder).filter((file) => file.includes('before'))).toEqual([])
  })
})

test('an adoption leaves the other objects of the database alone', async () => {
  await using legacy = await createLegacyPostgres()
  await legacy.run(
    'create table other (id int); create view of_other as select id from other; create index by_name on notes (name)',
  )
  expect((await adopt(legacy)).tables).toEqual(completeAdoption)
  expect(await queryRows(legacy.url, 'select id from of_other')).toEqual([])
})

test('the backup of a SQLite file is the original as it was', async () => {
  await using legacy = await createLegacySqlite()
  const before = await allRows(legacy)
  const { backupPath } = await adopt(legacy)
  expect(await allRows({ ...legacy, url: `sqlite:${backupPath}` })).toEqual(before)
})

test('a refused adoption does not change a single byte of a SQLite file, nor back it up', async () => {
  await using legacy = await createLegacySqlite()
  await legacy.run(insertLegacyUser('twin', 'Alice@gmail.com'))
  const path = legacy.url.slice('sqlite:'.length)
  const before = readFileSync(path)
  using recording = recordFileOperations(legacy.folder)
  expect(await captureError(adopt(legacy))).toMatchObject({ code: 'conflict' })
  expect(recording.take()).toEqual([])
  expect(readFileSync(path).equals(before)).toBeTrue()
})

test('adoption works on Postgres 10 too, and so does a server afterwards', async () => {
  await using legacy = await createLegacyPostgres('oldest')
  expect((await adopt(legacy)).tables).toEqual(completeAdoption)
  const { store } = await databaseOf(legacy).openForServer({ create: false })
  const records = await store.read((tx) => tx.records.listByOwner(alice))
  expect(records.length).toBeGreaterThan(0)
  await store.close()
})

function millisecondsOf(time: string): number {
  return Math.floor(Date.parse(`${time.slice(0, 23).replace(' ', 'T')}Z`))
}
