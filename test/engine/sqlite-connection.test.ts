import { Database } from 'bun:sqlite'
import { describe, expect, spyOn, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Kysely, sql } from 'kysely'
import {
  checkpointWal,
  copySqliteFile,
  createSqliteFile,
  openDraft,
  openReader,
  openReadOnly,
  openWriter,
  type SqliteHandle,
} from '../../src/engine/sqlite/connection'
import {
  applicationId,
  findIntegrityProblem,
  inspectSqlite,
  readSqliteHeader,
} from '../../src/engine/sqlite/inspect'
import { captureError } from '../support/capture-error'
import { modeOf } from '../support/data-folder'
import { temporaryFolder } from '../support/executable'

/** A file with one table, of which a row refers to another. */
function createFile() {
  const folder = temporaryFolder()
  const path = `${folder.path}/file.db`
  createSqliteFile(path)
  {
    using database = new Database(path)
    database.run('create table rows (id integer primary key, flag integer check (flag in (0, 1)))')
    database.run('insert into rows values (1, 0)')
  }
  return { path, [Symbol.dispose]: folder[Symbol.dispose] }
}

/** Returns the values of pragmas on a handle, and closes it. */
async function pragmasOf(handle: SqliteHandle, names: readonly string[]) {
  const db = new Kysely({ dialect: handle.dialect })
  const values: Record<string, unknown> = {}
  for (const name of names) {
    const { rows } = await sql<Record<string, unknown>>`${sql.raw(`pragma ${name}`)}`.execute(db)
    values[name] = Object.values(rows[0] ?? {})[0]
  }
  handle.close()
  return values
}

const pragmas = [
  'busy_timeout',
  'journal_mode',
  'synchronous',
  'fullfsync',
  'foreign_keys',
  'secure_delete',
  'query_only',
  'trusted_schema',
  'locking_mode',
  'cell_size_check',
]
const defaults = {
  ...{ fullfsync: 0, query_only: 0, trusted_schema: 0, locking_mode: 'normal', cell_size_check: 0 },
}
const durable = { synchronous: 2, fullfsync: 1, foreign_keys: 1, secure_delete: 1 }

describe('a handle', () => {
  test('that writes waits for the disk, and waits five seconds for others only where nothing else is to be done', async () => {
    using file = createFile()
    // First: this one keeps the journal mode of the file.
    expect(await pragmasOf(openWriter(file.path, 'adopting'), pragmas)).toEqual({
      ...{ ...defaults, ...durable },
      ...{ busy_timeout: 5_000, journal_mode: 'delete' },
    })
    const wal = { ...defaults, ...durable, journal_mode: 'wal' }
    expect(await pragmasOf(openWriter(file.path, 'serving'), pragmas)).toEqual({
      ...{ ...wal, busy_timeout: 0 },
    })
    expect(await pragmasOf(openWriter(file.path, 'exclusive'), pragmas)).toEqual({
      ...{ ...wal, busy_timeout: 5_000 },
    })
  })

  test('that reads never waits, and can not write', async () => {
    using file = createFile()
    const reading = { query_only: 1, busy_timeout: 0 }
    expect(await pragmasOf(openReader(file.path), ['query_only', 'busy_timeout'])).toEqual(reading)
    for (const open of [openReader, openReadOnly]) {
      const handle = open(file.path)
      const db = new Kysely({ dialect: handle.dialect })
      expect(await captureError(sql`delete from rows`.execute(db))).toBeInstanceOf(Error)
      handle.close()
    }
    const names = ['query_only', 'cell_size_check', 'trusted_schema']
    expect(await pragmasOf(openReadOnly(file.path), names)).toEqual({
      ...{ query_only: 1, cell_size_check: 1, trusted_schema: 0 },
    })
  })

  test('on a draft keeps its journal in memory and does not wait for the disk', async () => {
    using file = createFile()
    const names = ['journal_mode', 'synchronous', 'locking_mode', 'trusted_schema']
    expect(await pragmasOf(openDraft(file.path), names)).toEqual({
      ...{ journal_mode: 'memory', synchronous: 0, locking_mode: 'exclusive', trusted_schema: 0 },
    })
  })

  test('for writing keeps temporary files beside the database, not in the folder of the system', async () => {
    using file = createFile()
    expect(await pragmasOf(openWriter(file.path, 'serving'), ['temp_store_directory'])).toEqual({
      temp_store_directory: dirname(file.path),
    })
  })

  test.each([
    ['a draft', openDraft],
    ['a file that is no longer written', openReadOnly],
  ])('on %s takes no locks, and leaves nothing beside it', async (_, open) => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'a b?c=d#%20é.db')
    createSqliteFile(path)
    using other = new Database(path)
    other.run('begin exclusive')
    expect(await pragmasOf(open(path), ['user_version'])).toEqual({ user_version: 0 })
    expect(readdirSync(folder.path)).toEqual([basename(path)])
  })

  test('for reading works on a file that another program has set to WAL mode, and changes nothing', async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'a.db')
    createSqliteFile(path)
    {
      using other = new Database(path)
      other.run('pragma journal_mode = wal')
    }
    expect(readdirSync(folder.path)).toEqual(['a.db'])
    expect(await pragmasOf(openReadOnly(path), ['user_version'])).toEqual({ user_version: 0 })
    expect(readdirSync(folder.path)).toEqual(['a.db'])
  })

  test('on a missing file is an error, and creates none', () => {
    using folder = temporaryFolder()
    const path = `${folder.path}/missing.db`
    for (const open of [openReader, openReadOnly, openDraft]) expect(() => open(path)).toThrow()
    expect(() => openWriter(path, 'serving')).toThrow()
    expect(existsSync(path)).toBeFalse()
  })

  test('that can not be set up is closed', () => {
    using folder = temporaryFolder()
    const path = `${folder.path}/text.db`
    writeFileSync(path, 'no database '.repeat(100))
    using spy = spyOn(Database.prototype, 'close')
    expect(() => openWriter(path, 'serving')).toThrow('file is not a database')
    expect(spy).toHaveBeenCalledTimes(1)
  })
})

describe('a file', () => {
  test('is created private, empty and marked as ours, unless there is one', () => {
    using folder = temporaryFolder()
    const path = `${folder.path}/new.db`
    createSqliteFile(path)
    expect(modeOf(path)).toBe('600')
    expect(readSqliteHeader(path)).toEqual({
      ...{ isEmpty: false, isComplete: true, applicationId: 0x534e4c50 },
    })
    expect(() => createSqliteFile(path)).toThrow('EEXIST')
    createSqliteFile(`${folder.path}/other.db`, 7)
    expect(readSqliteHeader(`${folder.path}/other.db`).applicationId).toBe(7)
  })

  test('is copied as it is, also while it is in use, to a new private file', () => {
    using file = createFile()
    const copy = `${file.path}.copy`
    const writer = openWriter(file.path, 'serving')
    copySqliteFile(file.path, copy)
    writer.close()
    expect(modeOf(copy)).toBe('600')
    using database = new Database(copy, { readonly: true })
    expect(database.query('select * from rows').all()).toEqual([{ id: 1, flag: 0 }])
    expect(readSqliteHeader(copy).applicationId).toBe(applicationId)
    expect(() => copySqliteFile(file.path, copy)).toThrow('EEXIST')
  })

  test('has its log in itself after a checkpoint', () => {
    using file = createFile()
    // Keeps the log from being moved when the last writer closes.
    using reader = new Database(file.path)
    reader.run('pragma journal_mode = wal')
    reader.run('insert into rows values (2, 1)')
    expect(readFileSync(`${file.path}-wal`).length).toBeGreaterThan(0)
    checkpointWal(file.path)
    expect(readFileSync(`${file.path}-wal`)).toHaveLength(0)
  })

  test.each([
    [0, { isEmpty: true, isComplete: false, applicationId: null }],
    [1, { isEmpty: false, isComplete: false, applicationId: null }],
    [71, { isEmpty: false, isComplete: false, applicationId: null }],
    [72, { isEmpty: false, isComplete: false, applicationId }],
    [99, { isEmpty: false, isComplete: false, applicationId }],
    [100, { isEmpty: false, isComplete: true, applicationId }],
  ])('of %i bytes has the header that is there', (size, header) => {
    using file = createFile()
    truncateSync(file.path, size)
    expect(readSqliteHeader(file.path)).toEqual(header)
  })

  test('that is not a database has no application id', () => {
    using folder = temporaryFolder()
    const path = `${folder.path}/text`
    writeFileSync(path, 'SQLite format 4'.padEnd(200, '\0'))
    expect(readSqliteHeader(path)).toEqual({
      ...{ isEmpty: false, isComplete: true, applicationId: null },
    })
    expect(() => readSqliteHeader(`${folder.path}/missing`)).toThrow('ENOENT')
  })
})

describe('an inspection', () => {
  test('returns tables, migrations in their order and the application id, and leaves a log where it is', () => {
    using file = createFile()
    using database = new Database(file.path)
    database.run('pragma journal_mode = wal')
    database.run('create table kysely_migration (name text, timestamp text)')
    database.run("insert into kysely_migration values ('0002-b', ''), ('0001-a', '')")
    database.run('create view seen as select id from rows')
    using runs = spyOn(Database.prototype, 'run')
    expect(inspectSqlite(file.path)).toEqual({
      problem: null,
      applicationId,
      columns: { rows: ['id', 'flag'], kysely_migration: ['name', 'timestamp'] },
      migrations: ['0001-a', '0002-b'],
    })
    expect(runs.mock.calls).toEqual([['pragma busy_timeout = 5000']])
    expect(readFileSync(`${file.path}-wal`).length).toBeGreaterThan(0)
  })

  test('reports what a quick check finds, and nothing else then', () => {
    using file = createFile()
    {
      using database = new Database(file.path)
      database.run('pragma ignore_check_constraints = on')
      database.run('update rows set flag = 7')
    }
    const problem = 'CHECK constraint failed in rows'
    expect(inspectSqlite(file.path)).toEqual({
      ...{ problem, applicationId: 0, columns: {}, migrations: [] },
    })
  })

  test('reports a damaged page as the full check does, and only that', async () => {
    using file = createFile()
    {
      using database = new Database(file.path)
      database.run(
        'with recursive n (i) as (select 2 union all select i + 1 from n where i < 3000) insert into rows select i, 0 from n',
      )
    }
    const bytes = readFileSync(file.path)
    bytes.fill(0xff, 4_096 * 2, 4_096 * 2 + 64)
    writeFileSync(file.path, bytes)
    const { problem, ...rest } = inspectSqlite(file.path)
    expect(problem).toContain('page 3')
    expect(rest).toEqual({ applicationId: 0, columns: {}, migrations: [] })
    const handle = openReadOnly(file.path)
    const found = await findIntegrityProblem(new Kysely({ dialect: handle.dialect }))
    expect(found).toContain('page 3')
    handle.close()
  })

  test('of an intact file finds no problem', async () => {
    using file = createFile()
    const handle = openReadOnly(file.path)
    expect(await findIntegrityProblem(new Kysely({ dialect: handle.dialect }))).toBeNull()
    handle.close()
    expect(inspectSqlite(file.path).migrations).toEqual([])
  })
})
