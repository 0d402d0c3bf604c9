import { Database as SqliteFile } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import type { Database } from '../../src/database/database'
import { ownTables } from '../../src/database/own-tables'
import { isUsualStructure, structureDigest } from '../../src/database/usual-structure'
import { DomainError } from '../../src/domain/errors'
import { sqliteColumnTypes } from '../../src/engine/column-types'
import { readStructure } from '../../src/engine/read-structure'
import { migrationsFor } from '../../src/store/migrations/index'
import { captureError } from '../support/capture-error'
import { createDataFolder } from '../support/data-folder'
import { connectPostgres, type PostgresConnection, startPostgresFirst } from '../support/postgres'
import {
  aUser,
  createMigratedPostgres,
  postgresDatabaseAt,
  sqliteDatabaseIn,
} from '../support/store'

startPostgresFirst('newest', 'oldest')

/** A database of ours with a user, which the test changes as someone with write access could. */
interface ChangedDatabase extends AsyncDisposable {
  readonly database: Database
  run(text: string): Promise<void>
}

async function openSqlite() {
  const folder = createDataFolder()
  const database = sqliteDatabaseIn(folder.path)
  await addUser(database)
  return {
    database,
    async run(text: string) {
      using file = new SqliteFile(folder.database)
      file.run(text)
    },
    /** Returns the statement that created a table. */
    async textOf(table: string): Promise<string> {
      using file = new SqliteFile(folder.database)
      const query = file.query<{ sql: string }, [string]>(
        'select sql from sqlite_schema where name = ?',
      )
      return query.get(table)?.sql ?? ''
    },
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  }
}

async function openPostgres(version: 'newest' | 'oldest'): Promise<ChangedDatabase> {
  const postgres = await createMigratedPostgres(version)
  const database = postgresDatabaseAt(postgres.url)
  await addUser(database)
  const connection: PostgresConnection = await connectPostgres(postgres.url)
  return {
    database,
    run: async (text) => void (await connection.query(text)),
    async [Symbol.asyncDispose]() {
      await connection[Symbol.asyncDispose]()
      await postgres[Symbol.asyncDispose]()
    },
  }
}

async function addUser(database: Database): Promise<void> {
  const { store } = await database.openForServer({ create: true })
  await store.write((tx) => tx.users.insert(aUser({ id: 'kept' })))
  await store.close()
}

async function open(database: Database): Promise<void> {
  const { store } = await database.openForServer({ create: false })
  expect(await store.read((tx) => tx.users.findById('kept'))).not.toBeNull()
  await store.close()
}

/** Every way to open a database. */
const openings: Readonly<Record<string, (database: Database) => Promise<unknown>>> = {
  server: open,
  shared: (database) => database.withShared(() => Promise.resolve()),
  snapshot: (database) => database.withSnapshot(() => Promise.resolve()),
  exclusive: (database) => database.withExclusive({ create: true }, () => Promise.resolve()),
}

/** Returns the refusal of a server. */
async function refusalOf(database: Database): Promise<DomainError> {
  const error = await captureError(open(database))
  if (error instanceof DomainError) return error
  throw new Error('the database was opened', { cause: error })
}

/** The statements that an error tells to run. */
function fixesOf({ hint }: DomainError): readonly string[] {
  return (hint ?? '').split('\n').filter((line) => line.endsWith(';'))
}

/** What someone could leave behind, and how the error names it. */
type Foreign = readonly [what: string, statements: string]

async function expectRefusedUntilFixed(
  { database, run }: ChangedDatabase,
  [what, statements]: Foreign,
): Promise<void> {
  await run(statements)
  const error = await refusalOf(database)
  expect(error.message.split('\n').slice(1)).toContain(what)
  // As an operator would: each statement of the hint.
  const fixes = fixesOf(error)
  expect(fixes, what).not.toEqual([])
  for (const fix of fixes) await run(fix)
  // The quickest way to open a database that refuses the same.
  await database.withSnapshot(() => Promise.resolve())
}

const onSqlite: readonly Foreign[] = [
  [
    'the trigger evil on users',
    `create trigger evil after update on users begin update users set email_confirmed = 1; end`,
  ],
  ['the trigger -- ; on facts', `create trigger "-- ;" before insert on facts begin select 1; end`],
  [
    'the trigger evil on kysely_migration',
    'create trigger evil before delete on kysely_migration begin select 1; end',
  ],
  ['the view emails over our tables', 'create view emails as select email from users'],
  [
    'the view far over our tables',
    'create view near as select seq from notes; create view far as select count(*) from near',
  ],
  ['the view broken over our tables', 'create view broken as select * from nothing_of_that_name'],
  [
    'the generated column twice of users',
    'alter table users add column twice text as (email || hint)',
  ],
  ['the column more of notes', 'alter table notes add column more text'],
  ['the unique index one_hint on users', 'create unique index one_hint on users (hint)'],
  ['the unique index again on users', 'create unique index again on users (id)'],
  [
    'the unique index partly on records',
    'create unique index partly on records (name) where is_deleted = 0',
  ],
  ['the index json on notes', "create index json on notes (json_extract(name, '$.x'))"],
  ['the index some on notes', 'create index some on notes (name) where abs(name) > 1'],
  [
    'the foreign key of the table logins to users',
    'create table logins (user_id text references users (id))',
  ],
]

/** Parts of a table that SQLite can't remove: the table is created again with other words. */
const inSqliteTables: readonly (readonly [what: string, change: (sql: string) => string])[] = [
  [
    'the check (length email < 9999) of users',
    (sql) => sql.replace('hint text', 'hint text check (length(email) < 9999)'),
  ],
  [
    'the check (disabled in 0 , 1) of users is missing',
    (sql) => sql.replace('check (disabled in (0, 1))', ''),
  ],
  [
    'the clause on conflict replace of users',
    (sql) =>
      sql.replace('email text not null unique', 'email text not null unique on conflict replace'),
  ],
  [
    'the unique constraint (email) of users is missing',
    (sql) => sql.replace('email text not null unique', 'email text not null'),
  ],
  [
    'the clause collate nocase of users',
    (sql) => sql.replace('hint text', 'hint text collate nocase'),
  ],
  [
    'the clause autoincrement of users',
    (sql) => sql.replace('primary key', 'primary key autoincrement'),
  ],
  [
    'the table options of users is "nothing" instead of "strict"',
    (sql) => sql.replace(/\) strict$/, ')'),
  ],
  [
    'the column hint of users is "text default \'x\'" instead of "text"',
    (sql) => sql.replace('hint text', "hint text default 'x'"),
  ],
  [
    'the column hint of users is "blob" instead of "text"',
    (sql) => sql.replace('hint text', 'hint blob'),
  ],
  [
    'the generated column hint of users is "text generated" instead of "text"',
    (sql) => sql.replace('hint text', 'hint text as (email)'),
  ],
  [
    'the foreign key (hint) of users',
    (sql) => sql.replace('hint text', 'hint text references invitations (email)'),
  ],
]

/** Creates the table users again by a changed statement, without changing what refers to it. */
function recreateUsers(sql: string): string {
  const names =
    'seq, id, email, master_password_hash, email_confirmed, session_epoch, creation_time'
  return `pragma foreign_keys = off; pragma legacy_alter_table = on; begin;
    alter table users rename to before; ${sql};
    insert into users (${names}) select ${names} from before; drop table before;
    create index users_legacy_verifier on users (seq) where substr(master_password_hash, 1, 1) <> '$';
    create unique index users_canonical_email on users (canonical_email, twin); commit`
}

const onPostgres: readonly Foreign[] = [
  [
    'the trigger evil on users',
    `create function evil() returns trigger language plpgsql as $$ begin return new; end $$;
      create trigger evil before insert on users for each row execute procedure evil()`,
  ],
  ['the rule evil on notes', 'create rule evil as on delete to notes do instead nothing'],
  [
    'the row policy evil on records',
    'create policy evil on records using (is_deleted); alter table records enable row level security',
  ],
  ['the row security of users', 'alter table users force row level security'],
  ['the view public.emails over our tables', 'create view emails as select email from users'],
  [
    'the materialized view public.emails over our tables',
    'create materialized view emails as select email from users',
  ],
  [
    'the rule evil on public.other over our tables',
    'create table other (id text); create rule evil as on insert to other do also delete from users',
  ],
  ['the unique index one_hint on users', 'create unique index one_hint on users (hint)'],
  [
    'the constraint one_hint (hint) of users',
    'alter table users add constraint one_hint unique (hint)',
  ],
  [
    'the constraint short of users',
    'alter table users add constraint short check (length(email) < 9999)',
  ],
  [
    'the constraint alone of users',
    'alter table users add constraint alone exclude using btree (hint with =)',
  ],
  ['the column more of users', 'alter table users add column more text'],
  [
    'the column hint of users is "text default now" instead of "text"',
    'alter table users alter column hint set default now()',
  ],
  [
    'the column hint of users is "varchar(9)" instead of "text"',
    'alter table users alter column hint type varchar(9)',
  ],
  [
    'the column hint of users is "text not null" instead of "text"',
    "update users set hint = ''; alter table users alter column hint set not null",
  ],
  [
    'the column hint of users is "text with a collation of its own" instead of "text"',
    'alter table users alter column hint type text collate "C"',
  ],
  [
    'the column seq of notes is "bigint identity always not null" instead of "bigint identity not null"',
    'alter table notes alter column seq set generated always',
  ],
  [
    'the column seq of notes is "bigint identity with other numbers not null" instead of "bigint identity not null"',
    'alter table notes alter column seq set increment -1 set minvalue -9',
  ],
  [
    'the unique constraint (email) of users is missing',
    'alter table users drop constraint users_email_key',
  ],
  [
    'the constraint records_user_id_fkey of records is "references users (id) on delete no action on update no action" instead of "references users (id) on delete cascade on update no action"',
    'alter table records drop constraint records_user_id_fkey, add constraint records_user_id_fkey foreign key (user_id) references users (id)',
  ],
  ['the foreign keys of notes, which are not enforced', 'alter table notes disable trigger all'],
  [
    'the foreign key logins_user_id_fkey of the table logins to users',
    'create table logins (user_id text references users (id))',
  ],
  ['the table heirs, which shares rows with users', 'create table heirs () inherits (users)'],
  [
    'the index evil on notes',
    `create function same(text) returns text language sql immutable as 'select $1';
      create index evil on notes (same(name))`,
  ],
  ['the index part on notes', "create index part on notes (name) where name <> 'x'"],
  [
    'the table options of facts is "unlogged" instead of "nothing"',
    'alter table facts set unlogged',
  ],
  [
    'the subscription evil, which writes to notes',
    // A real one needs another server: this is what it leaves in the catalogue.
    `create subscription evil connection 'dbname=x' publication p with (connect = false, slot_name = none);
      insert into pg_subscription_rel select oid, 'notes'::regclass, 'r', '0/1' from pg_subscription where subname = 'evil'`,
  ],
  [
    'the search path, which has the schema public in front of pg_catalog',
    `do $$ begin execute format('alter role %I set search_path = public, pg_catalog', current_user); end $$`,
  ],
]

/** What may be there. */
const harmless = {
  SQLite: [
    'create table _litestream_seq (id integer primary key, seq integer)',
    'create table _litestream_lock (id integer)',
    'create index notes_time on notes (creation_time desc)',
    'create table other (id integer primary key autoincrement, name text)',
    'create unique index other_name on other (name)',
    'create trigger on_other after insert on other begin select 1; end',
    'create view of_other as select name from other',
    'drop index records_user_id',
    'create virtual table words using fts5 (text)',
    'analyze',
  ],
  Postgres: [
    'create table other (id serial primary key, name text unique)',
    'create view of_other as select name from other',
    'create index notes_time on notes (creation_time desc)',
    'create statistics both_columns (dependencies) on user_id, name from notes',
    'create schema elsewhere; create table elsewhere.users (id text)',
    'drop index records_user_id',
    'comment on table users is $$ours$$',
    'alter table users set (fillfactor = 50)',
    'analyze',
  ],
} as const

describe.each([
  { engine: 'SQLite', openChanged: openSqlite },
  { engine: 'Postgres', openChanged: () => openPostgres('newest') },
])('a trigger on $engine', ({ engine, openChanged }) => {
  test('is refused in every way to open the database, which stays as it is', async () => {
    await using changed = await openChanged()
    const { database, run } = changed
    const [foreign] = engine === 'SQLite' ? onSqlite : onPostgres
    await run(foreign?.[1] ?? '')
    for (const [name, opening] of Object.entries(openings)) {
      expect(await captureError(opening(database)), name).toMatchObject({
        code: 'unavailable',
        message: `${database.name} is not as SnailPass creates it; this can change, refuse or hide data:\nthe trigger evil on users`,
        hint: expect.stringMatching(/\ndrop trigger "?evil"?(?: on users)?;$/),
      })
    }
    expect(await database.inspect()).toBe('ours')
  })
})

test.each([
  { engine: 'SQLite', openChanged: openSqlite },
  { engine: 'the newest Postgres', openChanged: () => openPostgres('newest') },
  { engine: 'the oldest Postgres', openChanged: () => openPostgres('oldest') },
])(
  'a new database on $engine is known by its digest, so that opening it is quick',
  async ({ openChanged }) => {
    await using changed = await openChanged()
    await changed.database.withSnapshot(async (db) => {
      const structure = await readStructure(db, new Set(ownTables))
      const done = Object.keys(migrationsFor(sqliteColumnTypes, Date.now))
      expect(isUsualStructure(structure, done), structureDigest(structure, done)).toBeTrue()
      // Neither a part that is missing nor a migration that is new is overlooked.
      const [table = '', parts = []] = [...structure.tables][0] ?? []
      const tables = new Map(structure.tables).set(table, parts.slice(1))
      expect(isUsualStructure({ ...structure, tables }, done)).toBeFalse()
      expect(isUsualStructure(structure, [...done, '9999-next'])).toBeFalse()
      const acting = [{ label: 'a trigger', removal: '' }]
      expect(isUsualStructure({ ...structure, acting }, done)).toBeFalse()
    })
  },
)

test.each([
  { engine: 'SQLite', openChanged: openSqlite },
  { engine: 'Postgres', openChanged: () => openPostgres('newest') },
])(
  'a name that migrations use for a while may be taken on $engine, but not when the tables are created again',
  async ({ openChanged }) => {
    await using changed = await openChanged()
    const { database, run } = changed
    await run('create table new_outbox (id text)')
    for (const opening of Object.values(openings)) await opening(database)
    const recreating = database.withExclusive({ create: false }, (exclusive) =>
      exclusive.transaction(async () => {
        await exclusive.deleteAllData()
        await exclusive.migrate()
      }),
    )
    expect(await captureError(recreating)).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('the table new_outbox, whose name SnailPass needs'),
      hint: expect.stringContaining('\nalter table "new_outbox" rename to "other_new_outbox";'),
    })
    await open(database)
  },
)

describe('a SQLite database', () => {
  test('is refused until everything that acts on its tables is removed as the error says', async () => {
    await using changed = await openSqlite()
    for (const foreign of onSqlite) await expectRefusedUntilFixed(changed, foreign)
    for (const [what, change] of inSqliteTables) {
      const sql = await changed.textOf('users')
      const changedSql = change(sql)
      expect(changedSql, what).not.toBe(sql)
      await expectRefusedUntilFixed(changed, [what, recreateUsers(changedSql)])
    }
    await open(changed.database)
  }, 300_000)

  test('is opened with other objects, which are listed', async () => {
    await using changed = await openSqlite()
    for (const statement of harmless.SQLite) await changed.run(statement)
    for (const opening of Object.values(openings)) await opening(changed.database)
    expect(await changed.database.listForeignObjects()).toEqual(
      expect.arrayContaining([
        'the trigger on_other on other',
        'the index records_user_id on records is missing',
        'the index notes_time on notes',
        'the table _litestream_seq',
        'the view of_other',
      ]),
    )
  })

  test('is refused with all differences if there are twenty, else with twenty and their number', async () => {
    await using changed = await openSqlite()
    const name = (index: number) => `trigger_${String(index).padStart(2, '0')}`
    const message = (indices: readonly number[]) => [
      `${changed.database.name} is not as SnailPass creates it; this can change, refuse or hide data:`,
      ...indices.map((index) => `the trigger ${name(index)} on users`),
    ]
    const first = Array.from({ length: 20 }, (_, index) => index)
    const expectRefused = async (lines: readonly string[]) =>
      expect(await captureError(open(changed.database))).toMatchObject({
        message: lines.join('\n'),
      })
    const add = (index: number) =>
      changed.run(`create trigger ${name(index)} after insert on users begin select 1; end`)
    for (const index of first) await add(index)
    await expectRefused(message(first))
    await add(20)
    await expectRefused([...message(first), 'and 1 further difference'])
    await add(21)
    await expectRefused([...message(first), 'and 2 further differences'])
  })

  test('may have been written with other words', async () => {
    await using changed = await openSqlite()
    const rewrite = (sql: string) =>
      sql
        .toUpperCase()
        .replaceAll('TEXT', ' /* a text */\n`TEXT`')
        .replace('CREATE TABLE USERS', 'CREATE TABLE [users]')
        .replaceAll('`', '')
    await changed.run(
      recreateUsers(
        rewrite(`create table users (seq integer not null primary key, id text not null,
          hint text, email text not null, master_password_hash text not null,
          email_confirmed integer not null check ("email_confirmed" in (0, 1)), session_epoch text not null,
          creation_time integer default (0) not null, letter_time integer,
          disabled integer default false not null check (disabled in (0, 1)), login_time integer,
          canonical_email text, twin integer, revision integer default (0) not null, deletion_time integer,
          history_number integer default (0) not null, history_bytes integer default (0) not null,
          unique (email), unique (id)) strict`),
      ),
    )
    await open(changed.database)
  })
})

describe.each(['newest', 'oldest'] as const)('a database on the %s Postgres', (version) => {
  test('is refused until everything that acts on its tables is removed as the error says', async () => {
    await using changed = await openPostgres(version)
    for (const foreign of onPostgres) await expectRefusedUntilFixed(changed, foreign)
    await open(changed.database)
  }, 300_000)

  test('is opened with other objects, which are listed', async () => {
    await using changed = await openPostgres(version)
    for (const statement of harmless.Postgres) await changed.run(statement)
    for (const opening of Object.values(openings)) await opening(changed.database)
    expect(await changed.database.listForeignObjects()).toEqual(
      expect.arrayContaining([
        'the index records_user_id on records is missing',
        'the index notes_time on notes',
        'the table other',
        'the view of_other',
      ]),
    )
  })
})
