import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { copyDatabase } from '../../../src/app/operations/copy'
import { type RecreatePlan, recreateDatabase } from '../../../src/app/operations/recreate'
import { rotateKey } from '../../../src/app/operations/rotate-key'
import { parseDatabaseUrl } from '../../../src/config/database-url'
import { copyTables } from '../../../src/database/table-copy'
import { captureError } from '../../support/capture-error'
import { aField, aNote, aRecord, logIn, signUpAndLogIn } from '../../support/client'
import { queryPostgres, startPostgresFirst } from '../../support/postgres'
import { startProxy } from '../../support/proxy'
import { startTestServer } from '../../support/server'
import { queryRows } from '../../support/store'
import {
  createPostgresTestDatabase,
  createSqliteTestDatabase,
  engines,
  enginesWithTables,
  loseDatabase,
  startServerOn,
  type TestDatabase,
  targetsOf,
} from '../../support/test-database'

startPostgresFirst('newest')

const owner = { userId: '', email: 'owner@nas.local', masterPasswordHash: btoa('hash of owner') }

/** Fills the database through a server. Returns the token and the vault of the owner. */
async function fill(database: TestDatabase) {
  await using server = await startServerOn(database)
  const client = await signUpAndLogIn(server.url, 'owner')
  for (let index = 0; index < 5; index++) {
    const record = aRecord({ is_favorite: index % 2 === 0 })
    await client.send('POST', '/records', record)
    await client.send('POST', '/additional_fields', aField(record.id))
    await client.send('POST', '/notes', aNote())
  }
  return { token: client.token, vault: await vaultOf(server.url) }
}

async function vaultOf(origin: URL) {
  const client = await logIn(origin, owner)
  const [records, notes] = await Promise.all([
    client.send('GET', '/records'),
    client.send('GET', '/notes'),
  ])
  return { records: await records.json(), notes: await notes.json() }
}

async function statusWith(origin: URL, token: string): Promise<number> {
  const headers = { 'x-access-token': token }
  return (await fetch(new URL('/users', origin), { headers })).status
}

const users = (database: TestDatabase) => queryRows(database.url, 'select email from users')
const silent = null

/** Returns where the revisions of a database begin, unless no server has opened it yet. */
const generationsOf = ({ url }: Pick<TestDatabase, 'url'>) =>
  queryRows(url, "select value from facts where name = 'generation'")

describe.each(
  engines.flatMap((from) =>
    engines.map((to) => ({ from, to, name: `${from.engine} to ${to.engine}` })),
  ),
)('a copy from $name', ({ from, to }) => {
  const between = (source: TestDatabase, target: TestDatabase) => ({
    from: parseDatabaseUrl(source.url),
    to: parseDatabaseUrl(target.url),
  })

  test('contains everything, in its order, and a server works with it', async () => {
    await using source = await from.openWithTables()
    await using target = await to.open()
    const { vault, token } = await fill(source)
    const seen: string[] = []
    const sums = await copyDatabase(targetsOf(source), between(source, target), (line) =>
      seen.push(line),
    )
    expect(sums.map(({ table, rows }) => [table, rows])).toEqual([
      ['users', 1],
      ['devices', 1],
      ['invitations', 0],
      ['records', 5],
      ['notes', 5],
      ['additional_fields', 5],
      ['history', 0],
      ['outbox', 0],
      ['set_aside', 0],
      ['audit', expect.any(Number)],
      ['audit_marks', 2],
    ])
    const rows = sums.reduce((sum, table) => sum + table.rows, 0)
    for (const step of ['copying', 'verifying']) {
      const ofStep = seen.filter((line) => line.startsWith(`${step}: `))
      expect(ofStep[0]).toBe(`${step}: 0 %`)
      expect(ofStep).toContain(`${step}: ${Math.floor((100 * (1 + 1)) / rows)} %`)
      expect(ofStep.at(-1)).toBe(`${step}: 99 %`)
    }
    const generations = await generationsOf(source)
    expect(generations).toHaveLength(1)
    expect(await generationsOf(target)).toEqual([])

    // With the secret key of the source, sessions continue too.
    await using server = await startServerOn({ ...target, dataDir: source.dataDir })
    expect(await statusWith(server.url, token)).toBe(200)
    expect(await vaultOf(server.url)).toEqual(vault)
    const client = await logIn(server.url, owner)
    expect((await client.send('POST', '/notes', aNote())).status).toBe(201)
    const { notes } = await vaultOf(server.url)
    expect(notes.slice(0, -1)).toEqual(vault.notes)
    expect(await generationsOf(target)).not.toEqual(generations)
  })

  test('is refused by a target that is not empty, which stays as it is', async () => {
    await using source = await from.openWithTables()
    await using target = await to.openWithTables()
    await fill(source)
    await fill(target)
    const before = await queryRows(target.url, 'select id from records')
    expect(
      await captureError(copyDatabase(targetsOf(source), between(source, target), silent)),
    ).toMatchObject({ code: 'conflict', message: expect.stringContaining('is not empty') })
    expect(await queryRows(target.url, 'select id from records')).toEqual(before)
  })

  test('that fails leaves no database at its target', async () => {
    await using source = await from.openWithTables()
    await using target = await to.open()
    await fill(source)
    const failing = (line: string) => {
      if (/^copying: [1-9]/.test(line)) throw new Error('the cable went')
    }
    expect(
      await captureError(copyDatabase(targetsOf(source), between(source, target), failing)),
    ).toMatchObject({ message: expect.stringContaining('the cable went') })
    expect(await targetsOf(target).database.inspect()).toBe('nothing')
  })
})

describe.each(enginesWithTables)('the secret key on $engine', ({ open }) => {
  test('is required by a server: it does not start with another key or without one', async () => {
    await using database = await open()
    await fill(database)
    await using elsewhere = await open()
    const withoutKey = startServerOn({ ...database, dataDir: elsewhere.dataDir })
    expect(await captureError(withoutKey)).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('the secret key of this database is not in'),
      hint: expect.stringContaining('snailpass key rotate'),
    })
    expect(existsSync(join(elsewhere.dataDir, 'secret.key'))).toBeFalse()
    expect(
      await captureError(
        startServerOn(database, { SNAILPASS_SECRET_KEY: 'another key altogether' }),
      ),
    ).toMatchObject({
      code: 'unavailable',
      message: 'SNAILPASS_SECRET_KEY is not the secret key of this database',
    })
  })

  test('is rotated by one command, which ends every session and loses no data', async () => {
    await using database = await open()
    const { token, vault } = await fill(database)
    const path = join(database.dataDir, 'secret.key')
    const before = readFileSync(path, 'utf8')
    expect(await rotateKey(targetsOf(database))).toMatchObject({ path })
    expect(readFileSync(path, 'utf8')).not.toBe(before)
    await using server = await startServerOn(database)
    expect(await statusWith(server.url, token)).toBe(401)
    expect(await vaultOf(server.url)).toEqual(vault)
  })

  test('is rotated to that of the settings, once', async () => {
    await using database = await open()
    const { token } = await fill(database)
    const secretKey = { SNAILPASS_SECRET_KEY: 'another key altogether' }
    const targets = targetsOf(database, secretKey)
    expect(await rotateKey(targets)).toMatchObject({ path: null })
    expect(await captureError(rotateKey(targets))).toMatchObject({ code: 'conflict' })
    await using server = await startServerOn(database, secretKey)
    expect(await statusWith(server.url, token)).toBe(401)
    // The connections of the server hold the database.
    expect(await captureError(rotateKey(targetsOf(database)))).toMatchObject({
      code: 'conflict',
    })
  })
})

describe.each(enginesWithTables)('recreating on $engine', ({ engine, open }) => {
  const consent = () => Promise.resolve()

  test('empties the database, and a server can run on the backup', async () => {
    await using database = await open()
    const { vault } = await fill(database)
    const generations = await generationsOf(database)
    const path = (await recreateDatabase(targetsOf(database), consent)) ?? ''
    for (const url of [database.url, `sqlite:${path}`])
      expect(await generationsOf({ url })).toEqual([])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(database.dataDir).filter((name) => name.endsWith('.lock'))).toEqual([])
    {
      await using server = await startServerOn(database)
      const client = await signUpAndLogIn(server.url, 'owner')
      expect((await client.send('GET', '/records')).status).toBe(404)
    }
    await using copied = await startServerOn({ ...database, url: `sqlite:${path}` })
    expect(await vaultOf(copied.url)).toEqual(vault)
    for (const url of [database.url, `sqlite:${path}`]) {
      expect(await generationsOf({ url })).toHaveLength(1)
      expect(await generationsOf({ url })).not.toEqual(generations)
    }
  })

  test('is refused while a server runs, and without consent', async () => {
    await using database = await open()
    await fill(database)
    {
      await using _ = await startServerOn(database)
      expect(await captureError(recreateDatabase(targetsOf(database), consent))).toMatchObject({
        code: 'conflict',
      })
    }
    const asked: RecreatePlan[] = []
    const refusing = (plan: RecreatePlan) => {
      asked.push(plan)
      return Promise.reject(new Error('no'))
    }
    expect(await captureError(recreateDatabase(targetsOf(database), refusing))).toMatchObject({
      message: expect.stringContaining('no'),
    })
    expect(asked).toEqual([{ name: targetsOf(database).database.name, isMissing: false }])
    expect(await users(database)).toEqual([{ email: 'owner@nas.local' }])
  })

  test('creates a missing database after asking, which a server then serves', async () => {
    await using database = await open()
    await startServerOn(database).then((server) => server.stop())
    await loseDatabase(database)
    const asked: RecreatePlan[] = []
    const refusing = (plan: RecreatePlan) => {
      asked.push(plan)
      return Promise.reject(new Error('no'))
    }
    const { name } = targetsOf(database).database
    await captureError(recreateDatabase(targetsOf(database), refusing))
    expect(asked).toEqual([{ name, isMissing: true }])
    expect(await targetsOf(database).database.inspect()).toBe('nothing')
    expect(await captureError(startServerOn(database))).toMatchObject({ state: 'missing' })

    expect(await recreateDatabase(targetsOf(database), consent)).toBeNull()
    await using server = await startServerOn(database)
    await signUpAndLogIn(server.url, 'owner')
  })

  if (engine === 'Postgres') {
    test('leaves other tables alone', async () => {
      await using database = await open()
      await fill(database)
      await queryPostgres(
        database.url,
        "create table others (x text); insert into others values ('x')",
      )
      await recreateDatabase(targetsOf(database), consent)
      expect(await queryPostgres(database.url, 'select x from others')).toEqual([{ x: 'x' }])
      expect(await users(database)).toEqual([])
    })
  }
})

test('a copy is made in pages of bounded size, even if large rows follow many small ones', async () => {
  await using source = await createSqliteTestDatabase()
  await using target = await createSqliteTestDatabase()
  await fill(source)
  {
    using file = new Database(source.url.slice('sqlite:'.length))
    const add = file.prepare(
      `insert into notes (id, user_id, name, content, is_favorite, is_deleted, creation_time, update_time)
      select ?, id, 'n:n', ?, 0, 0, 0, 0 from users`,
    )
    for (let index = 0; index < 1_500; index++) add.run(`small${index}`, 'c:c')
    for (let index = 0; index < 4; index++) add.run(`large${index}`, `c:${'x'.repeat(900_000)}`)
    for (let index = 0; index < 300; index++) add.run(`more${index}`, 'c:c')
  }
  const counts: number[] = []
  const progress = (table: string, rows: number) => {
    if (table === 'notes') counts.push(rows)
  }
  await targetsOf(source).database.withSnapshot((from) =>
    targetsOf(target).database.withExclusive({ create: true }, (to) =>
      to.transaction(() => copyTables(from, to.db, { progress })),
    ),
  )
  // Each large row is a page of its own, or the last of one with small rows.
  expect(counts).toEqual([512, 1024, 1506, 1507, 1508, 1809])
})

test('a copy whose source fails names the source in the error', async () => {
  await using source = await createPostgresTestDatabase()
  await using target = await createPostgresTestDatabase()
  await fill(source)
  const { hostname, port, username, password, pathname } = new URL(source.url)
  using proxy = startProxy({ hostname, port: Number(port) })
  const url = `postgres://${username}:${password}@127.0.0.1:${proxy.port}${pathname}`
  const copying = copyDatabase(
    targetsOf(source),
    { from: parseDatabaseUrl(url), to: parseDatabaseUrl(target.url) },
    () => proxy.close(),
  )
  expect(await captureError(copying)).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining(`:${proxy.port}${pathname} can't be used`),
  })
})

test('a copy gets the secret key of its first server', async () => {
  await using source = await createSqliteTestDatabase()
  await using target = await createSqliteTestDatabase()
  const { vault } = await fill(source)
  await copyDatabase(
    targetsOf(source),
    { from: parseDatabaseUrl(source.url), to: parseDatabaseUrl(target.url) },
    silent,
  )
  await using server = await startServerOn(target)
  expect(await vaultOf(server.url)).toEqual(vault)
})

test('a database is locked under every name that leads to it', async () => {
  await using database = await createSqliteTestDatabase()
  await fill(database)
  const path = database.url.slice('sqlite:'.length)
  symlinkSync(path, `${path}.link`)
  const byLink = { ...database, url: `${database.url}.link` }
  {
    await using _ = await startServerOn(database)
    const recreating = recreateDatabase(targetsOf(byLink), () => Promise.resolve())
    expect(await captureError(recreating)).toMatchObject({ code: 'conflict' })
  }
  expect(await users(database)).toHaveLength(1)
})

test('a SQLite file that a URL names has to exist, unless the server is told to create it', async () => {
  await using database = await createSqliteTestDatabase()
  const settings = { SNAILPASS_DATABASE_URL: database.url }
  expect(
    await captureError(startTestServer({ settings, dataDir: database.dataDir })),
  ).toMatchObject({
    code: 'unavailable',
    hint: expect.stringContaining('--create'),
  })
  expect(readdirSync(database.dataDir)).toEqual([])
})
