import { Database as SqliteFile } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { sql } from 'kysely'
import {
  type Database,
  databaseBackupName,
  filterPendingMigrations,
  inTransaction,
  removeCopyIfRefused,
  requireAdopted,
  requireUpToDate,
} from '../../src/database/database'
import { findDatabaseTime } from '../../src/database/database-time'
import { checkIntegrity } from '../../src/database/integrity'
import { isLegacySchema, legacyColumns } from '../../src/database/legacy-tables'
import { watchFreeSpace } from '../../src/database/space-watch'
import { inspectSqliteFile, translateSqliteErrors } from '../../src/database/sqlite-file'
import { beginImmediate } from '../../src/database/sqlite-setup'
import { DomainError } from '../../src/domain/errors'
import { createSqliteFile } from '../../src/engine/sqlite/connection'
import { findNewestTime } from '../../src/store/known-time'
import { captureError } from '../support/capture-error'
import { createDataFolder } from '../support/data-folder'
import { postgresError, sqliteError } from '../support/engine-errors'
import { aUser, sqliteDatabaseIn } from '../support/store'

const up = () => Promise.resolve()
const known = { '0001-a': { up }, '0002-b': { up }, '0003-c': { up } }

describe('migrations', () => {
  test('are pending unless they have run, in their order', () => {
    expect(filterPendingMigrations('db', known, [])).toEqual(['0001-a', '0002-b', '0003-c'])
    expect(filterPendingMigrations('db', known, ['0002-b'])).toEqual(['0001-a', '0003-c'])
    expect(filterPendingMigrations('db', known, ['0001-a', '0002-b', '0003-c'])).toEqual([])
  })

  test('of a newer version are refused', () => {
    const done = ['0001-a', '0002-b', '0003-c', '0004-d']
    expect(() => filterPendingMigrations('db', known, done)).toThrow(
      expect.objectContaining({
        code: 'unavailable',
        message: 'db belongs to a newer snailpass (it knows 0004-d)',
        hint: 'install that version or a later one; this version would damage the database',
      }),
    )
  })

  test.each([
    ['nothing', [], 'there is no SnailPass database at db'],
    ['original', [], 'db is a database of the original SnailPass server'],
    ['ours', ['0001-a', '0002-b'], 'db belongs to an older snailpass'],
    [
      'ours',
      ['0001-a', '0002-b', '0003-c', '0004-d'],
      'db belongs to a newer snailpass (it knows 0004-d)',
    ],
  ] as const)('of %s with %p are not up to date', (content, migrations, message) => {
    expect(() => requireUpToDate('db', known, { content, migrations })).toThrow(
      expect.objectContaining({ code: 'unavailable', message, hint: expect.any(String) }),
    )
  })

  test('that have all run are up to date', () => {
    const migrations = Object.keys(known)
    expect(requireUpToDate('db', known, { content: 'ours', migrations })).toBeUndefined()
    expect(requireAdopted({ content: 'ours' }, { name: 'db' })).toBeUndefined()
    expect(() => requireAdopted({ content: 'original' }, { name: 'db' })).toThrow('original')
  })
})

describe('the copy from before an operation', () => {
  test('has the operation and the time to the millisecond in its name', () => {
    const clock = () => Date.UTC(2026, 0, 2, 3, 4, 5, 6)
    expect(databaseBackupName('adoption', clock)).toBe(
      'snailpass-before-adoption-20260102T030405006Z.db',
    )
  })

  test.each([
    ['removed after a refusal', new DomainError('conflict', 'no'), false],
    ['removed after a bug', new TypeError('x'), false],
    ['kept after an error of SQLite', sqliteError(10), true],
    ['kept after an error of Postgres', postgresError('53100'), true],
    ['removed after an error that is no fault of an engine', postgresError('42601'), false],
  ])('is %s', async (_name, error, isKept) => {
    using folder = createDataFolder()
    const copy = `${folder.path}/copy.db`
    writeFileSync(copy, 'copy')
    expect(await captureError(removeCopyIfRefused(copy, () => Promise.reject(error)))).toBe(error)
    expect(existsSync(copy)).toBe(isKept)
    expect(await captureError(removeCopyIfRefused(null, () => Promise.reject(error)))).toBe(error)
  })

  test('is kept after work that succeeds', async () => {
    using folder = createDataFolder()
    const copy = `${folder.path}/copy.db`
    writeFileSync(copy, 'copy')
    expect(await removeCopyIfRefused(copy, async () => 'done')).toBe('done')
    expect(existsSync(copy)).toBeTrue()
  })
})

describe('a database that a command uses exclusively', () => {
  test('commits all of a transaction, or nothing of it, and the first error is the one that counts', async () => {
    using folder = createDataFolder()
    await sqliteDatabaseIn(folder.path).withExclusive(
      { create: true },
      async ({ db, transaction }) => {
        const insert = (name: string) => sql`insert into facts values (${name}, '')`.execute(db)
        const work = async () => {
          await insert('kept')
          return 'done'
        }
        expect(await transaction(work)).toBe('done')
        const failing = transaction(async () => {
          await insert('lost')
          throw new Error('the first error')
        })
        expect(await captureError(failing)).toMatchObject({
          message: expect.stringContaining('the first error'),
        })
        // As after a full disk, of which SQLite itself rolls back.
        const rolledBack = inTransaction(db, beginImmediate, async () => {
          await insert('lost')
          await sql`rollback`.execute(db)
          throw new Error('the first error')
        })
        expect(await captureError(rolledBack)).toMatchObject({
          message: expect.stringContaining('the first error'),
        })
        await insert('after')
        const { rows } = await sql`select name from facts order by name`.execute(db)
        expect(rows).toEqual([{ name: 'after' }, { name: 'kept' }])
      },
    )
  })

  test('is refused while another command uses it, and free afterwards, also after a failure', async () => {
    using folder = createDataFolder()
    const use = (work: () => Promise<unknown>) =>
      sqliteDatabaseIn(folder.path).withExclusive({ create: true }, work)
    await use(async () => {
      expect(await captureError(use(() => Promise.resolve()))).toMatchObject({ code: 'conflict' })
      expect(
        await captureError(sqliteDatabaseIn(folder.path).openForServer({ create: true })),
      ).toMatchObject({ code: 'conflict' })
    })
    expect(await captureError(use(() => Promise.reject(new Error('failed'))))).toMatchObject({
      message: expect.stringContaining('failed'),
    })
    expect(await use(async () => 'free')).toBe('free')
    // Nothing is left beside the file: its log is in it.
    expect(readdirSync(folder.path).sort()).toEqual(['server.lock', 'snailpass.db'])
  })

  test('is not created by work that fails, and no draft of it is left', async () => {
    using folder = createDataFolder()
    const failing = sqliteDatabaseIn(folder.path).withExclusive({ create: true }, () =>
      Promise.reject(new Error('failed')),
    )
    expect(await captureError(failing)).toMatchObject({
      message: expect.stringContaining('failed'),
    })
    expect(readdirSync(folder.path)).toEqual(['server.lock'])
  })

  test('is not created without `create`, nor is its lock', async () => {
    using folder = createDataFolder()
    const using = sqliteDatabaseIn(folder.path).withExclusive({ create: false }, async () => 'used')
    expect(await captureError(using)).toMatchObject({
      message: `there is no SnailPass database at ${folder.database}`,
    })
    for (const verb of ['withShared', 'withSnapshot'] as const) {
      expect(
        await captureError(sqliteDatabaseIn(folder.path)[verb](async () => 'used')),
      ).toMatchObject({
        message: `there is no SnailPass database at ${folder.database}`,
      })
    }
    expect(await sqliteDatabaseIn(folder.path).inspect()).toBe('nothing')
    expect(await sqliteDatabaseIn(folder.path).listPendingMigrations()).toHaveLength(11)
    expect(readdirSync(folder.path)).toEqual([])
  })
})

describe('an integrity check', () => {
  const check = (folder: string) => sqliteDatabaseIn(folder).withSnapshot(checkIntegrity)

  async function createDatabase() {
    const folder = createDataFolder()
    await sqliteDatabaseIn(folder.path).withExclusive({ create: true }, () => Promise.resolve())
    await sqliteDatabaseIn(folder.path).withShared((store) =>
      store.write(async (tx) => {
        for (const id of ['a', 'b']) {
          await tx.users.insert(aUser({ id }))
          await tx.invitations.insert({ email: `${id}@nas.local`, creationTime: 1 })
        }
      }),
    )
    return folder
  }

  test('finds nothing wrong with an intact database, and counts its rows', async () => {
    using folder = await createDatabase()
    expect(await check(folder.path)).toEqual({ problems: [], rows: 4 })
  })

  test('finds rows without the row that they refer to, by table', async () => {
    using folder = await createDatabase()
    {
      using file = new SqliteFile(folder.database)
      file.run('pragma foreign_keys = off')
      const times = "'n:n', 'c:c', 0, 0, 1, 2"
      for (const id of ['x', 'y'])
        file.run(`insert into notes (id, user_id, name, content, is_favorite, is_deleted, creation_time, update_time)
          values ('${id}', 'gone', ${times})`)
      file.run(
        "insert into additional_fields (id, record_id, name, value) values ('f', 'gone', 'n', 'v')",
      )
    }
    const { problems, rows } = await check(folder.path)
    expect({ problems: problems.toSorted(), rows }).toEqual({
      problems: [
        '1 row of additional_fields without their records',
        '2 rows of notes without their users',
      ],
      rows: 7,
    })
  })

  test('finds what SQLite finds in its pages, up to five problems', async () => {
    using folder = await createDatabase()
    {
      using file = new SqliteFile(folder.database)
      file.run('pragma ignore_check_constraints = on')
      file.run('update users set email_confirmed = 7')
    }
    // The quick check at the start of every command would refuse that already.
    expect(await captureError(check(folder.path))).toMatchObject({
      code: 'unavailable',
      message: `${folder.database} is damaged: CHECK constraint failed in users`,
      hint: 'restore a backup with `snailpass restore`: it moves the old files aside; check the disk',
    })
    {
      using file = new SqliteFile(folder.database)
      file.run('pragma ignore_check_constraints = on')
      file.run('update users set email_confirmed = 1')
    }
    const found = await sqliteDatabaseIn(folder.path).withExclusive(
      { create: false },
      async ({ db }) => {
        await sql`pragma ignore_check_constraints = on`.execute(db)
        await sql`with recursive n (i) as (select 1 union all select i + 1 from n where i < 9)
        insert into users (id, email, master_password_hash, email_confirmed, session_epoch, creation_time, disabled)
        select 'u' || i, i, 'v', 7, 'e', 1, 0 from n`.execute(db)
        await sql`pragma ignore_check_constraints = off`.execute(db)
        return await checkIntegrity(db)
      },
    )
    expect(found).toEqual({
      problems: Array(5).fill('CHECK constraint failed in users'),
      rows: 13,
    })
  })
})

test.each([
  [
    'records',
    "insert into records (id, user_id, name, login, password, is_favorite, is_deleted, creation_time, update_time) values ('r', 'u', '', '', '', 0, 0, 99, 50)",
    50,
  ],
  [
    'notes',
    "insert into notes (id, user_id, name, content, is_favorite, is_deleted, creation_time, update_time) values ('n', 'u', '', '', 0, 0, 99, 60)",
    60,
  ],
  ['sign-ups', "update users set creation_time = 70 where id = 'u'", 70],
  ['sign-ins', "update users set login_time = 80 where id = 'u'", 80],
])('the newest time of a database is found in %s', async (_name, statement, newest) => {
  using folder = createDataFolder()
  await sqliteDatabaseIn(folder.path).withExclusive({ create: true }, async ({ db }) => {
    expect(await findNewestTime(db)).toBeNull()
    await sql`insert into users (id, email, master_password_hash, email_confirmed, session_epoch, creation_time, disabled)
      values ('u', 'u', 'v', 1, 'e', 40, 0)`.execute(db)
    expect(await findNewestTime(db)).toBe(40)
    await sql.raw(statement).execute(db)
    expect(await findNewestTime(db)).toBe(newest)
    expect(await findDatabaseTime(db)).toBeNull()
  })
})

test('a database of the original server has all its tables with exactly their columns', () => {
  expect(isLegacySchema(legacyColumns)).toBeTrue()
  expect(isLegacySchema({ ...legacyColumns, alembic_version: ['version_num'] })).toBeTrue()
  for (const [table, columns] of Object.entries(legacyColumns)) {
    const others = Object.fromEntries(
      Object.entries(legacyColumns).filter(([name]) => name !== table),
    )
    expect(isLegacySchema(others), table).toBeFalse()
    for (const changed of [columns.slice(1), [...columns, 'more'], ['other', ...columns.slice(1)]])
      expect(isLegacySchema({ ...legacyColumns, [table]: changed }), `${changed}`).toBeFalse()
  }
})

describe('the file of another program, or what is left of ours', () => {
  test('without a log is to be moved away, and with one it is not', () => {
    using folder = createDataFolder()
    const path = folder.database
    createSqliteFile(path, 7)
    const message = `${path} is not a SnailPass database`
    expect(() => inspectSqliteFile(path)).toThrow(
      expect.objectContaining({
        ...{ code: 'unavailable', message },
        hint: 'move that file away, or choose another location with --data-dir or SNAILPASS_DATABASE_URL',
      }),
    )
    writeFileSync(`${path}-journal`, '')
    expect(() => inspectSqliteFile(path)).toThrow(
      expect.objectContaining({
        ...{ code: 'unavailable', message },
        hint: 'choose another location with --data-dir or SNAILPASS_DATABASE_URL',
      }),
    )
  })

  test('is not looked into: that of another program may be as damaged as it likes', () => {
    using folder = createDataFolder()
    const path = folder.database
    createSqliteFile(path, 7)
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill(0xff, 100))
    expect(() => inspectSqliteFile(path)).toThrow(`${path} is not a SnailPass database`)
  })

  test('that is empty is told with what restores it', () => {
    using folder = createDataFolder()
    const path = folder.database
    writeFileSync(path, '')
    expect(() => inspectSqliteFile(path)).toThrow(
      expect.objectContaining({
        message: `${path} is empty: its content is lost`,
        hint: 'restore a backup with `snailpass restore`: it moves the old files aside; for a new, empty database, move the file away and run `snailpass recreate-db`',
        state: 'empty',
      }),
    )
  })

  test.each([
    ['empty', ''],
    ['damaged', `SQLite format 3\0${'x'.repeat(8_176)}`],
  ])(
    'that is %s is not replaced, unless the caller says what becomes of its files',
    async (_name, text) => {
      using folder = createDataFolder()
      writeFileSync(folder.database, text)
      const work = () => Promise.reject(new Error('was called'))
      const database = sqliteDatabaseIn(folder.path)
      expect(await captureError(database.withExclusive({ create: true }, work))).toMatchObject({
        code: 'unavailable',
      })
      expect(readdirSync(folder.path).sort()).toEqual(['server.lock', 'snailpass.db'])
      expect(readFileSync(folder.database, 'utf8')).toBe(text)
    },
  )

  test.each([
    ['a folder', (path: string) => mkdirSync(path)],
    ['a named pipe', (path: string) => Bun.spawnSync(['mkfifo', path])],
    ['a device', (path: string) => symlinkSync('/dev/zero', path)],
  ])('that is %s is refused before anything waits for it', async (kind, create) => {
    using folder = createDataFolder()
    create(folder.database)
    for (const open of [
      (database: Database) => database.inspect(),
      (database: Database) => database.openForServer({ create: true }),
      (database: Database) => database.withExclusive({ create: false }, () => Promise.resolve()),
    ]) {
      expect(await captureError(open(sqliteDatabaseIn(folder.path)))).toMatchObject({
        code: 'unavailable',
        message: `${realpathSync(folder.database)} is ${kind}, not a database`,
        hint: 'choose another location with --data-dir or SNAILPASS_DATABASE_URL',
      })
    }
  })
})

test('errors of work on a SQLite file are translated by what they mean', async () => {
  const fail = (error: unknown) => translateSqliteErrors('/db', () => Promise.reject(error))
  expect(await captureError(fail(sqliteError(11)))).toMatchObject({
    code: 'unavailable',
    message: '/db is damaged: SQLiteError: SQLite error 11',
    hint: 'restore a backup with `snailpass restore`: it moves the old files aside; check the disk',
  })
  for (const code of [5, 10, 13]) {
    expect(await captureError(fail(sqliteError(code)))).toMatchObject({
      ...{ code: 'unavailable', message: `/db can't be used: SQLite error ${code}` },
    })
  }
  const missing = Object.assign(new Error('ENOENT: no such file'), { syscall: 'open' })
  expect(await captureError(fail(missing))).toMatchObject({
    ...{ code: 'unavailable', message: "/db can't be used: ENOENT: no such file", cause: missing },
  })
  for (const error of [new TypeError('x'), new DomainError('conflict', 'no'), sqliteError(1)])
    expect(await captureError(fail(error))).toBe(error)
  expect(await translateSqliteErrors('/db', async () => 'done')).toBe('done')
})

test('free space that becomes unknown counts as enough, and is reported as that', () => {
  const disk: { free: number | null; now: number } = { free: 99, now: 0 }
  const changes: boolean[] = []
  const measured: string[] = []
  const isLow = watchFreeSpace(
    '/data',
    { minBytes: 100, onChange: (low) => changes.push(low) },
    {
      monotonicClock: () => disk.now,
      measure: (path) => {
        measured.push(path)
        return disk.free
      },
    },
  )
  const at = (now: number, free: number | null) => {
    Object.assign(disk, { now, free })
    return isLow()
  }
  expect([at(0, 99), at(999, null), at(1_000, null), at(2_000, 0)]).toEqual([
    true,
    true,
    false,
    true,
  ])
  expect(changes).toEqual([true, false, true])
  expect(measured).toEqual(Array(3).fill('/data'))
})
