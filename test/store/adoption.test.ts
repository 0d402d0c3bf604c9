import { Database as SqliteFile } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { Client } from 'pg'
import { parseDatabaseUrl } from '../../src/config/database-url'
import { type AdoptionOptions, adoptOriginal } from '../../src/store/adoption'
import type { Database } from '../../src/store/database'
import { sqliteDatabase, sqlitePlace } from '../../src/store/sqlite-database'
import { type OriginalDatabase, originalPostgres, originalSqlite } from '../support/original'
import { postgresAt, rowsAt, virtualTiming } from '../support/store'
import { random } from '../support/world'

const engines = [
  { engine: 'SQLite', open: originalSqlite },
  { engine: 'Postgres', open: () => originalPostgres() },
]

function databaseOf(original: OriginalDatabase): Database {
  const location = parseDatabaseUrl(original.url)
  if (location.engine === 'postgres') return postgresAt(original.url, { copies: original.folder })
  return sqliteDatabase(sqlitePlace(location.path, original.folder), virtualTiming())
}

function adopt(original: OriginalDatabase, options: Partial<AdoptionOptions> = {}) {
  return databaseOf(original).alone({ create: false }, (session) =>
    adoptOriginal(session, { keep: [], dryRun: false, random, clock: () => now, ...options }),
  )
}

const untroubled = [
  { table: 'users', takenOver: 3, setAside: {}, nullFlags: 0 },
  { table: 'records', takenOver: 20, setAside: {}, nullFlags: 0 },
  { table: 'notes', takenOver: 8, setAside: {}, nullFlags: 0 },
  { table: 'additional_fields', takenOver: 30, setAside: {}, nullFlags: 0 },
]

const now = Date.UTC(2026, 10, 24)
const alice = 'f021ca4c-2e84-40ca-9d5d-e98778fb994b'

/** An account with a vault of one record, one field and one note. */
function anAccount(id: string, email: string): string {
  const times = "'2026-01-02 03:04:05.678901', '2026-01-02 03:04:06'"
  return `
    insert into users values ('${id}', '${email}', 'dmVyaWZpZXI=', null, true);
    insert into records values ('r-${id}', 'n:n', 'l:l', 'p:p', '${id}', true, false, ${times});
    insert into additional_fields values ('f-${id}', 'n:n', 'v:v', 'r-${id}');
    insert into notes values ('n-${id}', 'n:n', 'c:c', '${id}', false, true, ${times});
  `
}

/** Every row of the four tables, to see that nothing was changed. */
async function allRows({ url }: OriginalDatabase): Promise<unknown> {
  const tables = ['users', 'records', 'notes', 'additional_fields']
  return await Promise.all(tables.map((table) => rowsAt(url, `select * from ${table} order by id`)))
}

describe.each(engines)("the original server's database on $engine", ({ engine, open }) => {
  test('is recognised, and not served before it is adopted', async () => {
    await using original = await open()
    const before = await allRows(original)
    await expect(databaseOf(original).serve({ create: true })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is a database of the original SnailPass server'),
      hint: expect.stringContaining('snailpass adopt'),
    })
    expect(await allRows(original)).toEqual(before)
  })

  test('is taken over whole, in its order, with its times', async () => {
    await using original = await open()
    const [users, records] = [
      await rowsAt(original.url, 'select * from users'),
      await rowsAt(original.url, 'select id, cast(creation_time as text) as time from records'),
    ]
    const report = await adopt(original)
    expect(report).toEqual({
      tables: untroubled,
      lowerCasedEmails: 0,
      safetyCopy: engine === 'SQLite' ? expect.stringContaining('before-adoption') : null,
    })

    const { store, created } = await databaseOf(original).serve({ create: false })
    expect(created).toBeFalse()
    for (const user of users) {
      const found = await store.read((scope) => scope.users.findById(String(user['id'])))
      expect(found).toEqual({
        id: String(user['id']),
        email: String(user['email']),
        verifier: String(user['master_password_hash']),
        hint: user['hint'] as string | null,
        emailConfirmed: Boolean(user['email_confirmed']),
        sessionEpoch: expect.stringMatching(/^[\w-]{22}$/),
        creationTime: now,
        isDisabled: false,
        loginTime: null,
      })
    }
    const oldest = records.toSorted((a, b) => String(a['time']).localeCompare(String(b['time'])))
    const adopted = await rowsAt(original.url, 'select id, creation_time from records order by seq')
    expect(adopted.map((row) => ({ id: row['id'], time: Number(row['creation_time']) }))).toEqual(
      oldest.map((row) => ({ id: row['id'], time: millisecondsOf(String(row['time'])) })),
    )
    // New rows go on after the old ones.
    await store.write(async (scope) => {
      const field = { id: 'new', recordId: String(oldest[0]?.['id']), name: 'n:n', value: 'v:v' }
      await scope.additionalFields.insert(field)
    })
    const [last] = await rowsAt(
      original.url,
      'select id from additional_fields order by seq desc limit 1',
    )
    expect(last).toEqual({ id: 'new' })
    expect(await rowsAt(original.url, 'select * from set_aside')).toEqual([])
    await store.close()
  })

  test('gets the tables, constraints and indexes of a new one', async () => {
    await using original = await open()
    await adopt(original)
    await expect(
      original.run(
        "insert into users select 1000, 'x', email, 'v', null, true, 'e', 0, null from users",
      ),
    ).rejects.toThrow()
    const left =
      engine === 'SQLite'
        ? "select name from sqlite_schema where name like 'original%'"
        : "select relname from pg_class where relname like 'original%'"
    expect(await rowsAt(original.url, left)).toEqual([])
  })

  test('is only looked at by a dry run', async () => {
    await using original = await open()
    await original.run(anAccount('big', 'Big@NAS.lan'))
    const before = await allRows(original)
    const report = await adopt(original, { dryRun: true })
    expect(report).toMatchObject({ lowerCasedEmails: 1, safetyCopy: null })
    expect(report.tables[0]).toMatchObject({ takenOver: 4 })
    expect(await allRows(original)).toEqual(before)
  })

  test('has its emails lower-cased, as they salt the verifiers', async () => {
    await using original = await open()
    await original.run(anAccount('big', 'Änne@NAS.lan'))
    expect((await adopt(original)).lowerCasedEmails).toBe(1)
    const found = await rowsAt(original.url, "select email from users where id = 'big'")
    expect(found).toEqual([{ email: 'änne@nas.lan' }])
  })

  test('with an email that two accounts have waits for a choice, and harms nobody', async () => {
    await using original = await open()
    await original.run(anAccount('twin', 'Alice@gmail.com'))
    const before = await allRows(original)
    await expect(adopt(original)).rejects.toMatchObject({
      code: 'conflict',
      message: `several accounts have one email, and only one can keep it:\nalice@gmail.com belongs to ${alice} (10 records, 3 notes) and twin (1 records, 1 notes)`,
      hint: expect.stringContaining('--keep'),
    })
    await expect(adopt(original, { keep: ['nobody'] })).rejects.toMatchObject({ code: 'not_found' })
    await expect(adopt(original, { keep: [alice, 'twin'] })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect(await allRows(original)).toEqual(before)
    const copies = readdirSync(original.folder).filter((name) => name.includes('before'))
    expect(copies).toEqual([])

    const { tables } = await adopt(original, { keep: [alice] })
    expect(tables).toEqual([
      {
        table: 'users',
        takenOver: 3,
        setAside: { 'another account keeps the email': 1 },
        nullFlags: 0,
      },
      { table: 'records', takenOver: 20, setAside: { 'no account to belong to': 1 }, nullFlags: 0 },
      { table: 'notes', takenOver: 8, setAside: { 'no account to belong to': 1 }, nullFlags: 0 },
      {
        table: 'additional_fields',
        takenOver: 30,
        setAside: { 'no record to belong to': 1 },
        nullFlags: 0,
      },
    ])
    const aside = await rowsAt(original.url, 'select origin, content from set_aside order by seq')
    const kept = aside.map(({ origin, content }) => [origin, JSON.parse(String(content)).id])
    expect(kept).toEqual([
      ['users', 'twin'],
      ['records', 'r-twin'],
      ['notes', 'n-twin'],
      ['additional_fields', 'f-twin'],
    ])
  })

  test('has its null flags made false, and counted', async () => {
    await using original = await open()
    await original.run(`
      ${anAccount('one', 'one@nas.lan')}
      update records set is_favorite = null, is_deleted = null where id = 'r-one';
      update notes set is_deleted = null where id = 'n-one';
    `)
    const { tables } = await adopt(original)
    expect(tables.map(({ nullFlags }) => nullFlags)).toEqual([0, 1, 1, 0])
    const { store } = await databaseOf(original).serve({ create: false })
    const entry = { owner: 'one', isFavorite: false, isTrashed: false }
    const times = {
      creationTime: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
      updateTime: Date.UTC(2026, 0, 2, 3, 4, 6),
    }
    expect(await store.read((scope) => scope.records.listByOwner('one'))).toEqual([
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
    expect(await store.read((scope) => scope.notes.listByOwner('one'))).toEqual([
      { id: 'n-one', ...entry, ...times, name: 'n:n', content: 'c:c' },
    ])
    await store.close()
  })

  test('has rows that belong to nobody set aside whole, and counted', async () => {
    await using original = await open()
    const loosen =
      engine === 'SQLite'
        ? 'pragma foreign_keys = off;'
        : `alter table records drop constraint records_user_id_fkey;
           alter table notes drop constraint notes_user_id_fkey;
           alter table additional_fields drop constraint additional_fields_record_id_fkey;`
    await original.run(`
      ${loosen}
      ${anAccount('gone', 'gone@nas.lan')}
      delete from users where id = 'gone';
      insert into additional_fields values ('lost', 'n:n', 'v:v', 'nowhere');
    `)
    const { tables } = await adopt(original)
    expect(tables).toEqual([
      { table: 'users', takenOver: 3, setAside: {}, nullFlags: 0 },
      { table: 'records', takenOver: 20, setAside: { 'no account to belong to': 1 }, nullFlags: 0 },
      { table: 'notes', takenOver: 8, setAside: { 'no account to belong to': 1 }, nullFlags: 0 },
      {
        table: 'additional_fields',
        takenOver: 30,
        setAside: { 'no record to belong to': 2 },
        nullFlags: 0,
      },
    ])
    const [record] = await rowsAt(
      original.url,
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

  test('stays as it was when its adoption fails in the middle', async () => {
    await using original = await open()
    const before = await allRows(original)
    let draws = 0
    const failing = (count: number) => {
      if (++draws === 3) throw new Error('the power went')
      return random(count)
    }
    await expect(adopt(original, { random: failing })).rejects.toThrow('the power went')
    expect(await allRows(original)).toEqual(before)
    const copies = readdirSync(original.folder).filter((name) => name.includes('before'))
    expect(copies).toEqual([])
    expect((await adopt(original)).tables).toEqual(untroubled)
  })

  test('can have indexes of its operator, with names that ours would take', async () => {
    await using original = await open()
    await original.run('create index records_user_id on records (user_id)')
    expect((await adopt(original)).tables).toEqual(untroubled)
  })
})

test('a SQLite file in WAL mode that somebody has open is taken over, and found to be', async () => {
  await using original = await originalSqlite()
  using other = new SqliteFile(original.url.slice('sqlite:'.length))
  other.run('pragma journal_mode = wal')
  other.query('select count(*) from users').get()
  expect((await adopt(original)).tables).toEqual(untroubled)
  // The header of the file itself may still be the old one: what is newer lies in the log.
  const { store } = await databaseOf(original).serve({ create: false })
  expect(await store.read((scope) => scope.records.listByOwner(alice))).toHaveLength(10)
  await store.close()
})

test('what a running original server adds while it is taken over comes along', async () => {
  await using original = await originalPostgres()
  const server = new Client({ connectionString: original.url })
  await server.connect()
  await server.query('begin')
  await server.query(anAccount('late', 'late@nas.lan'))
  const adopting = adopt(original)
  await Bun.sleep(200)
  await server.query('commit')
  const { tables } = await adopting
  expect(tables[0]).toEqual({ table: 'users', takenOver: 4, setAside: {}, nullFlags: 0 })
  await server.end()
})

test('a view on an original table is named as what is in the way', async () => {
  await using original = await originalPostgres()
  await original.run('create view emails as select email from users')
  await expect(adopt(original)).rejects.toMatchObject({
    code: 'unavailable',
    hint: expect.stringContaining('a view perhaps'),
  })
  expect(await rowsAt(original.url, 'select count(*)::int as emails from emails')).toEqual([
    { emails: 3 },
  ])
})

test('the safety copy of a SQLite file is the original as it was', async () => {
  await using original = await originalSqlite()
  const before = await allRows(original)
  const { safetyCopy } = await adopt(original)
  expect(await allRows({ ...original, url: `sqlite:${safetyCopy}` })).toEqual(before)
})

test('a SQLite file is not touched by an adoption that is refused', async () => {
  await using original = await originalSqlite()
  await original.run(anAccount('twin', 'Alice@gmail.com'))
  const path = original.url.slice('sqlite:'.length)
  const before = readFileSync(path)
  await expect(adopt(original)).rejects.toMatchObject({ code: 'conflict' })
  expect(readFileSync(path).equals(before)).toBeTrue()
})

test('adoption works on Postgres 10 too, and so does the server after it', async () => {
  await using original = await originalPostgres('oldest')
  expect((await adopt(original)).tables).toEqual(untroubled)
  const { store } = await databaseOf(original).serve({ create: false })
  const records = await store.read((scope) => scope.records.listByOwner(alice))
  expect(records.length).toBeGreaterThan(0)
  await store.close()
}, 30_000)

function millisecondsOf(time: string): number {
  return Math.floor(Date.parse(`${time.slice(0, 23).replace(' ', 'T')}Z`))
}
