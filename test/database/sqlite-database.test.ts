import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Migration, sql } from 'kysely'
import { sqliteColumnTypes } from '../../src/engine/column-types'
import {
  acquireDatabaseLock,
  dataFolder,
  ensureDataFolder,
  tightenPermissions,
} from '../../src/files/data-folder'
import { createSecretKey, findSecretKey, writeSecretKey } from '../../src/files/secret-key'
import { migrationsFor } from '../../src/store/migrations/index'
import { temporaryFolder } from '../support/executable'
import { aUser, sqliteDatabaseIn, virtualTiming } from '../support/store'
import { random } from '../support/timing'

const timing = virtualTiming()
const migrations = migrationsFor(sqliteColumnTypes, Date.now)
const legacyFile = join(import.meta.dir, '..', 'data', 'original', 'original.sqlite')

function createFolder() {
  const temporary = temporaryFolder()
  return { ...dataFolder(temporary.path), [Symbol.dispose]: temporary[Symbol.dispose] }
}

async function createDatabase() {
  const folder = createFolder()
  const { store } = await sqliteDatabaseIn(folder.path).openForServer({ create: true })
  const user = aUser()
  await store.write((tx) => tx.users.insert(user))
  await store.close()
  return { folder, user }
}

/** Spoils two pages in the middle of a database. Answers what the file holds then. */
function damage(path: string): Buffer {
  const bytes = readFileSync(path)
  bytes.fill(0xff, 4096, 4096 * 3)
  writeFileSync(path, bytes)
  return bytes
}

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
const bytes = (path: string) => readFileSync(path).toString('base64')

describe('a missing database', () => {
  test('is made, whole and private, for a server alone', async () => {
    using folder = createFolder()
    await expect(
      sqliteDatabaseIn(folder.path).openForServer({ create: false }),
    ).rejects.toMatchObject({
      code: 'unavailable',
      message: `there is no database at ${folder.database}`,
    })
    expect(readdirSync(folder.path)).toEqual([])

    const { store, created, backupPath } = await sqliteDatabaseIn(folder.path).openForServer({
      create: true,
    })
    expect({ created, backupPath }).toEqual({ created: true, backupPath: null })
    expect(mode(folder.database)).toBe('600')
    expect(mode(`${folder.database}-wal`)).toBe('600')
    await store.close()
    expect(readdirSync(folder.path)).toEqual(['server.lock', 'snailpass.db'])
  })

  test('is made anew after a first start that was interrupted', async () => {
    using folder = createFolder()
    writeFileSync(`${folder.database}.new`, 'half of a database')
    writeFileSync(`${folder.database}.new-wal`, 'half of a log')
    const { store } = await sqliteDatabaseIn(folder.path).openForServer({ create: true })
    await store.close()
    expect(readdirSync(folder.path)).toEqual(['server.lock', 'snailpass.db'])
  })

  test('whose log is still there is not made anew', async () => {
    using folder = createFolder()
    writeFileSync(`${folder.database}-wal`, 'what was acknowledged')
    await expect(
      sqliteDatabaseIn(folder.path).openForServer({ create: true }),
    ).rejects.toMatchObject({
      code: 'unavailable',
      message: `${folder.database} is missing, but ${folder.database}-wal is there`,
    })
    expect(readdirSync(folder.path)).toEqual(['server.lock', 'snailpass.db-wal'])
  })
})

test('a link to a database that is away is not replaced by a new one', async () => {
  using folder = createFolder()
  symlinkSync('/nonexistent/snailpass.db', folder.database)
  await expect(sqliteDatabaseIn(folder.path).openForServer({ create: true })).rejects.toMatchObject(
    {
      code: 'unavailable',
    },
  )
  expect(readlinkSync(folder.database)).toBe('/nonexistent/snailpass.db')
})

describe('what is no sound database of ours is refused, and stays as it is', () => {
  const troubles: [string, string, (path: string) => void][] = [
    ['an empty file', 'is empty: what it held is lost', (path) => writeFileSync(path, '')],
    ['a text', 'is not a SnailPass database', (path) => writeFileSync(path, 'hello '.repeat(99))],
    [
      'a short file',
      'is not a SnailPass database',
      (path) => writeFileSync(path, 'SQLite format 3'),
    ],
    [
      "the original server's",
      'is a database of the original SnailPass server',
      (path) => copyFileSync(legacyFile, path),
    ],
  ]
  test.each(troubles)('%s', async (_name, message, create) => {
    using folder = createFolder()
    create(folder.database)
    const before = bytes(folder.database)
    await expect(
      sqliteDatabaseIn(folder.path).openForServer({ create: true }),
    ).rejects.toMatchObject({
      code: 'unavailable',
      message: `${folder.database} ${message}`,
      hint: expect.any(String),
    })
    expect(bytes(folder.database)).toBe(before)
    expect(readdirSync(folder.path)).toEqual(['server.lock', 'snailpass.db'])
  })

  test('a damaged one', async () => {
    const { folder } = await createDatabase()
    using _ = folder
    const damaged = damage(folder.database)
    await expect(
      sqliteDatabaseIn(folder.path).openForServer({ create: true }),
    ).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is damaged: '),
    })
    expect(readFileSync(folder.database).equals(damaged)).toBeTrue()
    expect(readdirSync(folder.path)).toEqual(['server.lock', 'snailpass.db'])
  })

  test('a damaged one whose log is still there, which would replay itself over a copy', async () => {
    const { folder } = await createDatabase()
    using _ = folder
    damage(folder.database)
    writeFileSync(`${folder.database}-wal`, '')
    await expect(
      sqliteDatabaseIn(folder.path).openForServer({ create: true }),
    ).rejects.toMatchObject({
      hint: expect.stringContaining(`move ${folder.database}-wal`),
    })
  })

  test('one of a newer version', async () => {
    const { folder } = await createDatabase()
    using _ = folder
    {
      using database = new Database(folder.database)
      database.run("insert into kysely_migration values ('9999-future', '2030-01-01')")
    }
    const before = bytes(folder.database)
    await expect(
      sqliteDatabaseIn(folder.path).openForServer({ create: true }),
    ).rejects.toMatchObject({
      code: 'unavailable',
      message: `${folder.database} belongs to a newer snailpass (it knows 9999-future)`,
    })
    expect(bytes(folder.database)).toBe(before)
  })
})

describe('a migration', () => {
  const good: Migration = {
    up: async (db) => void (await sql`alter table users add column colour text`.execute(db)),
  }
  const bad: Migration = {
    up: async (db) => {
      await sql`drop table notes`.execute(db)
      await sql`create table nonsense`.execute(db)
    },
  }

  test('runs after a safety copy, which is whole and private', async () => {
    const { folder, user } = await createDatabase()
    using _ = folder
    const { store, backupPath } = await sqliteDatabaseIn(folder.path, timing, {
      ...migrations,
      '9998-colour': good,
    }).openForServer({ create: false })
    expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(user)
    await store.close()
    if (backupPath === null) throw new Error('no safety copy')
    expect(backupPath).toMatch(/\/snailpass-before-migration-\d{8}T\d{9}Z\.db$/)
    expect(mode(backupPath)).toBe('600')

    renameSync(backupPath, folder.database)
    const before = await sqliteDatabaseIn(folder.path).openForServer({ create: false })
    expect(await before.store.read((tx) => tx.users.findById(user.id))).toEqual(user)
    await before.store.close()
  })

  test('that fails leaves everything as it was, also what ran before it', async () => {
    const { folder, user } = await createDatabase()
    using _ = folder
    const opening = sqliteDatabaseIn(folder.path, timing, {
      ...migrations,
      '9998-colour': good,
      '9999-bad': bad,
    }).openForServer({ create: false })
    await expect(opening).rejects.toThrow()
    const { store, backupPath } = await sqliteDatabaseIn(folder.path).openForServer({
      create: false,
    })
    expect(backupPath).toBeNull()
    expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(user)
    expect(await store.read((tx) => tx.notes.listByOwner(user.id))).toEqual([])
    await store.close()
  })
})

test('recreating empties every table of the vaults, and the safety copy holds what was there', async () => {
  const { folder, user } = await createDatabase()
  using _ = folder
  const backupPath = await sqliteDatabaseIn(folder.path).withExclusive(
    { create: false },
    async (exclusive) => {
      const copy = await exclusive.backUp('recreate')
      await exclusive.transaction(() => exclusive.deleteAllData())
      return copy
    },
  )
  if (backupPath === null) throw new Error('no safety copy')
  {
    using database = new Database(folder.database, { readonly: true })
    const tables = database
      .query<{ name: string }, []>(
        "select name from sqlite_schema where type = 'table' and name not like 'kysely_%' and name <> 'facts' and name not like 'sqlite_%'",
      )
      .all()
    expect(tables.length).toBeGreaterThanOrEqual(4)
    for (const { name } of tables) expect(database.query(`select * from ${name}`).all()).toEqual([])
  }
  using copy = new Database(backupPath, { readonly: true })
  expect(copy.query('select id from users').all()).toEqual([{ id: user.id }])
})

describe('the data folder', () => {
  test('is made private, with every folder above it that is missing', () => {
    using temporary = temporaryFolder()
    const folder = dataFolder(join(temporary.path, 'a', 'b'))
    ensureDataFolder(folder)
    expect(mode(folder.path)).toBe('700')
  })

  test('that cannot be is refused by name', () => {
    using temporary = temporaryFolder()
    writeFileSync(join(temporary.path, 'file'), '')
    const folder = dataFolder(join(temporary.path, 'file', 'below'))
    expect(() => ensureDataFolder(folder)).toThrow(`the data folder ${folder.path} can't be used`)
  })

  test('is locked for one at a time', () => {
    using folder = createFolder()
    const path = join(folder.path, 'server.lock')
    const lock = acquireDatabaseLock(path, folder.database)
    expect(() => acquireDatabaseLock(path, folder.database)).toThrow(
      `another snailpass is at work on ${folder.database}`,
    )
    expect(readdirSync(folder.path)).toEqual(['server.lock'])
    lock.release()
    acquireDatabaseLock(path, folder.database).release()
    expect(mode(path)).toBe('600')
  })

  test('has the permissions of its files put right, and its own told', () => {
    using folder = createFolder()
    createSecretKey(folder, random)
    chmodSync(folder.secretKey, 0o644)
    chmodSync(folder.path, 0o755)
    expect(tightenPermissions(folder, [folder.database])).toEqual([
      `others could open ${folder.secretKey}; its mode is 0600 now`,
      `others can look into ${folder.path}: chmod 700 ${folder.path}`,
    ])
    expect(mode(folder.secretKey)).toBe('600')
    chmodSync(folder.path, 0o700)
    expect(tightenPermissions(folder, [folder.database])).toEqual([])
  })
})

describe('the secret key', () => {
  test('is made once, private and long', () => {
    using folder = createFolder()
    expect(findSecretKey(folder)).toBeNull()
    const key = createSecretKey(folder, random)
    expect(key).toHaveLength(32)
    expect(mode(folder.secretKey)).toBe('600')
    expect(findSecretKey(folder)).toEqual(Buffer.from(key))
    expect(readdirSync(folder.path)).toEqual(['secret.key'])
  })

  test('is the one that somebody else was quicker to make', () => {
    using folder = createFolder()
    const theirs = createSecretKey(folder, random)
    expect(createSecretKey(folder, random)).toEqual(Buffer.from(theirs))
    expect(readdirSync(folder.path)).toEqual(['secret.key'])
  })

  test('is replaced only on demand, also one that cannot be read', () => {
    using folder = createFolder()
    writeFileSync(folder.secretKey, 'short')
    const key = writeSecretKey(folder, random(32))
    expect(findSecretKey(folder)).toEqual(Buffer.from(key))
    expect(mode(folder.secretKey)).toBe('600')
  })

  test.each(['', 'short', '!'.repeat(43)])('of %p is refused, not replaced', (text) => {
    using folder = createFolder()
    writeFileSync(folder.secretKey, text)
    expect(() => findSecretKey(folder)).toThrow('does not hold a secret key')
    expect(readFileSync(folder.secretKey, 'utf8')).toBe(text)
  })

  test('that cannot be read is refused by name, not as a bug', () => {
    using folder = createFolder()
    mkdirSync(folder.secretKey)
    expect(() => findSecretKey(folder)).toThrow(`the data folder ${folder.path} can't be used`)
  })
})
