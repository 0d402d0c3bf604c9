import { Database } from 'bun:sqlite'
import { describe, expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import {
  copyFileSync,
  linkSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type Migration, sql } from 'kysely'
import { resolveSqliteLocation } from '../../src/database/sqlite-location'
import { lockSqliteDatabase, tryLockSqliteDatabase } from '../../src/database/sqlite-lock'
import { sqliteColumnTypes } from '../../src/engine/column-types'
import { migrationsFor } from '../../src/store/migrations/index'
import { tables } from '../../src/store/tables'
import { captureError } from '../support/capture-error'
import { createDataFolder, modeOf } from '../support/data-folder'
import { listOpenFiles } from '../support/open-files'
import { aUser, sqliteDatabaseIn, virtualTiming, withRevision } from '../support/store'

const timing = virtualTiming()
const migrations = migrationsFor(sqliteColumnTypes, Date.now)
const legacyFile = join(import.meta.dir, '..', 'data', 'original', 'original.sqlite')

async function createDatabase() {
  const folder = createDataFolder()
  const { store } = await sqliteDatabaseIn(folder.path).openForServer({ create: true })
  const user = aUser()
  await store.write((tx) => tx.users.insert(user))
  await store.close()
  return { folder, user }
}

/** Overwrites two pages in the middle of a database. Returns the content of the file. */
function damage(path: string): Buffer {
  const bytes = readFileSync(path)
  bytes.fill(0xff, 4096, 4096 * 3)
  writeFileSync(path, bytes)
  return bytes
}

const bytes = (path: string) => readFileSync(path).toString('base64')

describe('a missing database', () => {
  test('is created, complete and private, but only with `create`', async () => {
    using folder = createDataFolder()
    expect(
      await captureError(sqliteDatabaseIn(folder.path).openForServer({ create: false })),
    ).toMatchObject({
      code: 'unavailable',
      message: `there is no SnailPass database at ${folder.database}`,
    })
    expect(readdirSync(folder.path)).toEqual([])

    const { store, created, backupPath } = await sqliteDatabaseIn(folder.path).openForServer({
      create: true,
    })
    expect({ created, backupPath }).toEqual({ created: true, backupPath: null })
    expect(modeOf(folder.database)).toBe('600')
    expect(modeOf(`${folder.database}-wal`)).toBe('600')
    await store.close()
    expect(readdirSync(folder.path).toSorted()).toEqual(['server.lock', 'snailpass.db'])
  })

  test('that is created is locked as a file, not by its name alone', async () => {
    using folder = createDataFolder()
    const { store } = await sqliteDatabaseIn(folder.path).openForServer({ create: true })
    const link = `${folder.database}.link`
    linkSync(folder.database, link)
    const byLink = resolveSqliteLocation(link, folder.path)
    expect(tryLockSqliteDatabase(byLink)).toBeNull()
    await store.close()
    lockSqliteDatabase(byLink).release()
  })

  test.skipIf(process.platform !== 'linux')(
    'that is created and closed is open nowhere any more',
    async () => {
      using folder = createDataFolder()
      const { store } = await sqliteDatabaseIn(folder.path).openForServer({ create: true })
      await store.write((tx) => tx.users.insert(aUser()))
      expect(listOpenFiles(folder.path)).toContain(folder.database)
      await store.close()
      expect(listOpenFiles(folder.path)).toEqual([])
    },
  )

  test('is created after an interrupted first start', async () => {
    using folder = createDataFolder()
    writeFileSync(`${folder.database}.new`, 'half of a database')
    writeFileSync(`${folder.database}.new-wal`, 'half of a log')
    const { store } = await sqliteDatabaseIn(folder.path).openForServer({ create: true })
    await store.close()
    expect(readdirSync(folder.path).toSorted()).toEqual(['server.lock', 'snailpass.db'])
  })

  test('is not created beside the log of a lost one', async () => {
    using folder = createDataFolder()
    writeFileSync(`${folder.database}-wal`, 'acknowledged writes')
    expect(
      await captureError(sqliteDatabaseIn(folder.path).openForServer({ create: true })),
    ).toMatchObject({
      code: 'unavailable',
      message: `${folder.database} is missing, but ${folder.database}-wal exists`,
    })
    expect(readdirSync(folder.path).toSorted()).toEqual(['server.lock', 'snailpass.db-wal'])
  })
})

test.skipIf(process.platform !== 'linux')(
  'a database that is mounted as a file is not served, for its log would lie elsewhere',
  async () => {
    const { folder } = await createDatabase()
    using _ = folder
    const { readFileSync } = fs
    // Only root can mount: test/e2e/lost-database.test.ts does.
    using _mounts = spyOn(fs, 'readFileSync').mockImplementation(((
      path: string,
      encoding: BufferEncoding,
    ) =>
      path === '/proc/self/mountinfo'
        ? `1 0 8:1 / / rw - ext4 /dev/x rw\n2 1 8:2 / ${folder.database} rw - ext4 /dev/y rw`
        : readFileSync(path, encoding)) as never)
    const database = sqliteDatabaseIn(folder.path)
    expect(await captureError(database.openForServer({ create: true }))).toMatchObject({
      code: 'unavailable',
      message: `the database file ${folder.database} is a mount point of its own`,
      hint: expect.stringContaining(`${folder.database}-wal would not be in the same place`),
    })
    // A backup of it can be made.
    expect(await database.withSnapshot(async () => 'read')).toBe('read')
  },
)

test('a link to a missing database is not replaced by a new database', async () => {
  using folder = createDataFolder()
  symlinkSync('/nonexistent/snailpass.db', folder.database)
  expect(
    await captureError(sqliteDatabaseIn(folder.path).openForServer({ create: true })),
  ).toMatchObject({
    code: 'unavailable',
  })
  expect(readlinkSync(folder.database)).toBe('/nonexistent/snailpass.db')
})

describe('a file that is not an intact database of ours is refused, and stays as it is', () => {
  const files: [string, string, (path: string) => void][] = [
    ['an empty file', 'is empty: its content is lost', (path) => writeFileSync(path, '')],
    [
      'a text',
      'is damaged: it does not begin as a SQLite database does',
      (path) => writeFileSync(path, 'hello '.repeat(99)),
    ],
    [
      'a short file',
      'is damaged: it does not begin as a SQLite database does',
      (path) => writeFileSync(path, 'SQLite format 3'),
    ],
    [
      'a database of the original server',
      'is a database of the original SnailPass server',
      (path) => copyFileSync(legacyFile, path),
    ],
  ]
  test.each(files)('%s', async (_name, message, create) => {
    using folder = createDataFolder()
    create(folder.database)
    const before = bytes(folder.database)
    expect(
      await captureError(sqliteDatabaseIn(folder.path).openForServer({ create: true })),
    ).toMatchObject({
      code: 'unavailable',
      message: `${folder.database} ${message}`,
      hint: expect.any(String),
    })
    expect(bytes(folder.database)).toBe(before)
    expect(readdirSync(folder.path).toSorted()).toEqual(['server.lock', 'snailpass.db'])
  })

  test('a damaged database', async () => {
    const { folder } = await createDatabase()
    using _ = folder
    const damaged = damage(folder.database)
    expect(
      await captureError(sqliteDatabaseIn(folder.path).openForServer({ create: true })),
    ).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is damaged: '),
    })
    expect(readFileSync(folder.database).equals(damaged)).toBeTrue()
    expect(readdirSync(folder.path).toSorted()).toEqual(['server.lock', 'snailpass.db'])
  })

  test('a database of a newer version', async () => {
    const { folder } = await createDatabase()
    using _ = folder
    {
      using database = new Database(folder.database)
      database.run("insert into kysely_migration values ('9999-future', '2030-01-01')")
    }
    const before = bytes(folder.database)
    expect(
      await captureError(sqliteDatabaseIn(folder.path).openForServer({ create: true })),
    ).toMatchObject({
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

  test('runs after a backup, which is complete and private', async () => {
    const { folder, user } = await createDatabase()
    using _ = folder
    const { store, backupPath } = await sqliteDatabaseIn(folder.path, timing, {
      ...migrations,
      '9998-colour': good,
    }).openForServer({ create: false })
    expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user))
    await store.close()
    if (backupPath === null) throw new Error('no backup')
    expect(backupPath).toMatch(/\/snailpass-before-migration-\d{8}T\d{9}Z\.db$/)
    expect(modeOf(backupPath)).toBe('600')

    renameSync(backupPath, folder.database)
    const before = await sqliteDatabaseIn(folder.path).openForServer({ create: false })
    expect(await before.store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user))
    await before.store.close()
  })

  test('that fails leaves everything as it was, and undoes the migrations before it', async () => {
    const { folder, user } = await createDatabase()
    using _ = folder
    const opening = sqliteDatabaseIn(folder.path, timing, {
      ...migrations,
      '9998-colour': good,
      '9999-bad': bad,
    }).openForServer({ create: false })
    expect(await captureError(opening)).toMatchObject({
      message: expect.stringContaining('incomplete input'),
    })
    const { store, backupPath } = await sqliteDatabaseIn(folder.path).openForServer({
      create: false,
    })
    expect(backupPath).toBeNull()
    expect(await store.read((tx) => tx.users.findById(user.id))).toEqual(withRevision(user))
    expect(await store.read((tx) => tx.notes.listByOwner(user.id))).toEqual([])
    await store.close()
  })

  test('begins once the work before it is done, and not at all if that fails', async () => {
    const { folder } = await createDatabase()
    using _ = folder
    const isMigrated = () => {
      using database = new Database(folder.database, { readonly: true })
      return (
        database.query("select 1 from pragma_table_info('users') where name = 'colour'").all()
          .length > 0
      )
    }
    const open = (beforeMigration: () => Promise<void>) =>
      sqliteDatabaseIn(folder.path, timing, { ...migrations, '9998-colour': good }).openForServer({
        create: false,
        beforeMigration,
      })
    const refuse = () => Promise.reject(new Error('not now'))
    expect(await captureError(open(refuse))).toMatchObject({
      message: expect.stringContaining('not now'),
    })
    expect(isMigrated()).toBeFalse()
    expect(readdirSync(folder.path).filter((name) => name.includes('before'))).toEqual([])

    const seen: boolean[] = []
    const { store } = await open(async () => void seen.push(isMigrated()))
    await store.close()
    expect([...seen, isMigrated()]).toEqual([false, true])
    // There is nothing to do before a start without a migration, or for a new database.
    await (await open(refuse)).store.close()
    using empty = createDataFolder()
    const created = await sqliteDatabaseIn(empty.path).openForServer({
      create: true,
      beforeMigration: refuse,
    })
    await created.store.close()
  })
})

test('deleting all data drops every table, new ones are empty, and the backup has what was there', async () => {
  const { folder, user } = await createDatabase()
  using _ = folder
  const backupPath = await sqliteDatabaseIn(folder.path).withExclusive(
    { create: false },
    async (exclusive) => {
      const copy = await exclusive.backUp('recreate')
      await exclusive.transaction(async () => {
        await exclusive.deleteAllData()
        const { rows } = await sql`select name from sqlite_schema`.execute(exclusive.db)
        expect(rows).toEqual([])
        await exclusive.migrate()
      })
      return copy
    },
  )
  if (backupPath === null) throw new Error('no backup')
  {
    using database = new Database(folder.database, { readonly: true })
    for (const { name } of tables)
      expect(database.query(`select * from ${name}`).all(), name).toEqual([])
  }
  using copy = new Database(backupPath, { readonly: true })
  expect(copy.query('select id from users').all()).toEqual([{ id: user.id }])
})
