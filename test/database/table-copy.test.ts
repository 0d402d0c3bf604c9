import { Database as SqliteFile } from 'bun:sqlite'
import { describe, expect, spyOn, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Kysely, sql } from 'kysely'
import { backUpTables } from '../../src/database/postgres-backup'
import {
  checksumTables,
  copyTables,
  countRows,
  insertRows,
  isDatabaseEmpty,
  type PortableRow,
  readTable,
  requireEqualChecksums,
  type TableChecksum,
} from '../../src/database/table-copy'
import { createSqliteFile, openWriter } from '../../src/engine/sqlite/connection'
import { tables } from '../../src/store/tables'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { sqliteDatabaseIn, virtualTiming } from '../support/store'
import {
  createSqliteTestDatabase,
  engines,
  fillWithEdgeCases,
  targetsOf,
} from '../support/test-database'

const silent = () => {}

/** A table in a file of its own, whose rows the test inserts. */
const pages = {
  name: 'pages',
  columns: { seq: 'number', text: 'text', other: 'text', flag: 'flag' },
} as const

function openPages() {
  const folder = temporaryFolder()
  const path = `${folder.path}/pages.db`
  createSqliteFile(path)
  const { dialect, close } = openWriter(path, 'exclusive')
  const db = new Kysely<Record<string, never>>({ dialect })
  return {
    db,
    create: () =>
      sql`create table pages (seq integer primary key, text text, other text, flag integer)`.execute(
        db,
      ),
    [Symbol.dispose]() {
      close()
      folder[Symbol.dispose]()
    },
  }
}

/** Reads the table. Returns the numbers of the first and last row of each page, the reported progress and the checksum. */
async function readPages(db: Kysely<Record<string, never>>) {
  const ranges: unknown[] = []
  const progress: unknown[] = []
  const checksum = await readTable(db, pages, {
    progress: (table, rows) => progress.push([table, rows]),
    onPage: async (rows) => void ranges.push([rows[0]?.['seq'], rows.at(-1)?.['seq']]),
  })
  return { ranges, progress, checksum }
}

const row = (seq: number, text: string | null = '', other: string | null = null): PortableRow => ({
  seq,
  text,
  other,
  flag: seq % 2,
})

describe('a table is read page by page', () => {
  test('of 512 rows, whatever the gaps in their numbers', async () => {
    using file = openPages()
    await file.create()
    const rows = Array.from({ length: 1_024 }, (_, index) => row(index * 3 + 1))
    await insertRows(file.db, pages, rows)
    const { ranges, progress, checksum } = await readPages(file.db)
    expect(ranges).toEqual([
      [1, 1 + 511 * 3],
      [1 + 512 * 3, 1 + 1_023 * 3],
    ])
    expect(progress).toEqual([
      ['pages', 512],
      ['pages', 1_024],
    ])
    const text = rows.map((each) => `[${each['seq']},"",null,${each['flag']}]\n`).join('')
    const sha256 = createHash('sha256').update(text).digest('hex')
    expect(checksum).toEqual({ table: 'pages', rows: 1_024, sha256 })
  })

  test('of a megabyte of text in all columns, in bytes, and a larger row is a page of its own', async () => {
    using file = openPages()
    await file.create()
    const half = 'x'.repeat(256 * 1_024)
    await insertRows(file.db, pages, [
      row(1, half, half),
      row(2, half, half),
      row(3),
      row(4, `${half}x`, half),
      row(5, half, half),
      // Two bytes for each character.
      row(6, 'ж'.repeat(256 * 1_024), half),
      row(7, 'x'.repeat(1_100_000)),
      row(8, null, null),
    ])
    const { ranges } = await readPages(file.db)
    expect(ranges).toEqual([
      [1, 3],
      [4, 4],
      [5, 5],
      [6, 6],
      [7, 7],
      [8, 8],
    ])
  })

  test('and has no page if it is empty', async () => {
    using file = openPages()
    await file.create()
    const { ranges, progress, checksum } = await readPages(file.db)
    expect({ ranges, progress }).toEqual({ ranges: [], progress: [] })
    const sha256 = createHash('sha256').digest('hex')
    expect(checksum).toEqual({ table: 'pages', rows: 0, sha256 })
  })

  test('and the process does its other work after each page', async () => {
    using file = openPages()
    await file.create()
    const rows = Array.from({ length: 1_100 }, (_, index) => row(index + 1))
    await insertRows(file.db, pages, rows)
    let turns = 0
    let next = setImmediate(function turn() {
      turns++
      next = setImmediate(turn)
    })
    const seen: number[] = []
    await readTable(file.db, pages, { progress: () => seen.push(turns) })
    clearImmediate(next)
    expect(seen).toHaveLength(3)
    expect(new Set([...seen, turns]).size).toBe(4)
  })

  test('and the next one only when the caller is done with the last', async () => {
    using file = openPages()
    await file.create()
    await insertRows(
      file.db,
      pages,
      Array.from({ length: 513 }, (_, index) => row(index + 1)),
    )
    const events: string[] = []
    await readTable(file.db, pages, {
      progress: (_, rows) => events.push(`${rows} read`),
      async onPage(rows) {
        events.push(`${rows.length} given`)
        for (let turn = 0; turn < 3; turn++) await nextTurn()
        events.push(`${rows.length} taken`)
      },
    })
    expect(events).toEqual([
      ...['512 given', '512 taken', '512 read'],
      ...['1 given', '1 taken', '513 read'],
    ])
    const failing = readTable(file.db, pages, {
      progress: silent,
      onPage: () => Promise.reject(new Error('no space')),
    })
    expect(await captureError(failing)).toMatchObject({
      message: expect.stringContaining('no space'),
    })
  })

  test('and errors of the database that is read pass through its translation', async () => {
    using file = openPages()
    const reading = readTable(file.db, pages, {
      progress: silent,
      translateErrors: (work) => work().catch(() => Promise.reject(new Error('translated'))),
    })
    expect(await captureError(reading)).toMatchObject({
      message: expect.stringContaining('translated'),
    })
    expect(await captureError(readTable(file.db, pages, { progress: silent }))).toMatchObject({
      message: expect.stringContaining('no such table'),
    })
  })
})

test('rows are inserted in statements of as many rows as a power of two', async () => {
  using file = openPages()
  await file.create()
  using spy = spyOn(SqliteFile.prototype, 'query')
  const rows = Array.from({ length: 11 }, (_, index) => row(index + 1, `text ${index}`))
  await insertRows(file.db, pages, rows)
  const counts = spy.mock.calls.map(([text]) => text.split('(?').length - 1)
  expect(counts).toEqual([8, 2, 1])
  spy.mockRestore()
  const { rows: stored } = await sql<PortableRow>`select * from pages order by seq`.execute(file.db)
  expect(stored).toEqual(rows)
})

describe('checksums of a copy', () => {
  const checksum = (table: string, sha256: string): TableChecksum => ({ table, rows: 1, sha256 })
  const expected = [checksum('users', 'a'), checksum('notes', 'b')]

  test('that are equal are accepted, in any order', () => {
    expect(requireEqualChecksums(expected, expected.toReversed(), 'the copy')).toBeUndefined()
  })

  test.each([
    ['that differ', [checksum('users', 'a'), checksum('notes', 'x')]],
    ['of another table', [checksum('users', 'a'), checksum('records', 'b')]],
    ['that lack a table', [checksum('users', 'a')]],
  ])('%s are refused with the table', (_name, found) => {
    expect(() => requireEqualChecksums(expected, found, 'the copy')).toThrow(
      expect.objectContaining({
        code: 'unavailable',
        message:
          'the copy returned other rows of notes than were written to it; nothing was changed',
        hint: 'check that database and its disk',
      }),
    )
  })
})

describe.each(engines)('the tables on $engine', ({ open }) => {
  test('are counted and summed, and a copy of them has the same sums', async () => {
    await using database = await open()
    await fillWithEdgeCases(database)
    await using other = await createSqliteTestDatabase()
    const counts = {
      users: 2,
      devices: 1,
      invitations: 1,
      records: 7,
      notes: 2,
      additional_fields: 7,
      history: 8,
      outbox: 2,
      set_aside: 1,
      audit: 1,
      audit_marks: 2,
    }
    await targetsOf(database).database.withSnapshot(async (db) => {
      expect(Object.fromEntries(await countRows(db))).toEqual(counts)
      const sums = await checksumTables(db, { progress: silent })
      expect(Object.fromEntries(sums.map(({ table, rows }) => [table, rows]))).toEqual(counts)
      expect(sums.map(({ table }) => table)).toEqual(tables.map(({ name }) => name))
      await targetsOf(other).database.withExclusive({ create: true }, async (target) => {
        const read = await target.transaction(() => copyTables(db, target.db, { progress: silent }))
        expect(read).toEqual(sums)
        expect(await checksumTables(target.db, { progress: silent })).toEqual(sums)
      })
    })
    expect(
      await database.sql('select seq, email_confirmed, disabled from users order by seq'),
    ).toEqual(
      (await other.sql('select seq, email_confirmed, disabled from users order by seq')).map(
        (user) =>
          database.engine === 'SQLite'
            ? user
            : {
                seq: String(user['seq']),
                email_confirmed: user['email_confirmed'] === 1,
                disabled: user['disabled'] === 1,
              },
      ),
    )
  })

  test('are empty only if none of them has a row, apart from the audit log', async () => {
    await using database = await open()
    await fillWithEdgeCases(database)
    const isEmpty = () => targetsOf(database).database.withSnapshot(isDatabaseEmpty)
    // Children first: a table is the only one that has rows when its turn comes.
    const filled = ['outbox', 'history', 'additional_fields', 'records', 'notes', 'devices']
    for (const table of [...filled, 'invitations', 'users', 'set_aside']) {
      expect(await isEmpty(), table).toBeFalse()
      await database.sql(`delete from ${table}`)
    }
    expect(await database.sql('select name from audit_marks order by seq')).toHaveLength(2)
    expect(await isEmpty()).toBeTrue()
  })
})

describe('the backup of tables in a SQLite file', () => {
  const timing = { ...virtualTiming(), clock: () => Date.UTC(2026, 10, 24, 1, 2, 3, 4) }
  const name = 'snailpass-before-recreate-20261124T010203004Z.db'

  test('has every row', async () => {
    await using source = await createSqliteTestDatabase()
    using folder = temporaryFolder()
    await fillWithEdgeCases(source)
    await targetsOf(source).database.withSnapshot(async (db) => {
      const options = { folder: folder.path, operation: 'recreate', timing }
      expect(await backUpTables(db, options)).toBe(`${folder.path}/${name}`)
      expect(readdirSync(folder.path)).toEqual([name])
      using copy = new SqliteFile(`${folder.path}/${name}`, { readonly: true })
      expect(copy.query('select id from records order by seq').values().flat()).toEqual(
        (await sql<{ id: string }>`select id from records order by seq`.execute(db)).rows.map(
          ({ id }) => id,
        ),
      )
      // A server finds accounts by what is computed from their email, which is not copied.
      expect(copy.query('select email, canonical_email, twin from users').all()).toEqual(
        ['one@nas.local', 'two@nas.local'].map((email) => ({
          ...{ email, canonical_email: email, twin: 0 },
        })),
      )
    })
  })

  test('is refused and removed if the file returns other rows than were written', async () => {
    await using source = await createSqliteTestDatabase()
    using folder = temporaryFolder()
    await fillWithEdgeCases(source)
    await targetsOf(source).database.withSnapshot(async (db) => {
      using _ = changeBeforeCommit(folder.path, "update notes set name = 'x:x' where id = 'n2'")
      const options = { folder: folder.path, operation: 'recreate', timing }
      expect(await captureError(backUpTables(db, options))).toMatchObject({
        code: 'unavailable',
        message: `${folder.path}/${name} returned other rows of notes than were written to it; nothing was changed`,
      })
    })
    expect(readdirSync(folder.path)).toEqual([])
  })

  test('is refused with the reason if its file cannot be created', async () => {
    await using source = await createSqliteTestDatabase()
    using folder = temporaryFolder()
    await fillWithEdgeCases(source)
    writeFileSync(`${folder.path}/file`, '')
    await targetsOf(source).database.withSnapshot(async (db) => {
      const backUpTo = (path: string) =>
        captureError(backUpTables(db, { folder: path, operation: 'recreate', timing }))
      for (const path of [`${folder.path}/missing`, `${folder.path}/file`]) {
        const error = await backUpTo(path)
        expect(error).toMatchObject({ code: 'unavailable' })
        expect(String(error)).toMatch(/\.db(?:\.lock)? can't be used: ENO(?:ENT|TDIR)/)
        expect(String(error)).toContain(`${path}/${name}`)
      }
    })
    expect(readdirSync(folder.path)).toEqual(['file'])
  })
})

test('a new file has exactly the tables that are copied, and that of the facts', async () => {
  using folder = temporaryFolder()
  await sqliteDatabaseIn(folder.path).withExclusive({ create: true }, async ({ db }) => {
    const { rows } = await sql<{ name: string }>`
      select name from sqlite_schema where type = 'table' and name not like 'kysely%'
    `.execute(db)
    expect(new Set(rows.map((table) => table.name))).toEqual(
      new Set(['facts', ...tables.map((table): string => table.name)]),
    )
  })
})

/** Runs SQL right before each commit to a file of a folder, as a disk that loses something would. */
function changeBeforeCommit(folder: string, text: string) {
  const query = SqliteFile.prototype.query
  return spyOn(SqliteFile.prototype, 'query').mockImplementation(function (
    this: SqliteFile,
    statement: string,
  ) {
    const prepared = query.call(this, statement)
    if (statement !== 'commit' || !this.filename.startsWith(folder)) return prepared
    const run = prepared.run.bind(prepared)
    return Object.assign(prepared, {
      run: () => {
        this.run(text)
        return run()
      },
    })
  } as typeof query)
}
