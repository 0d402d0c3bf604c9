import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely } from 'kysely'
import { type BackupSchema, manifestChecksum } from '../../src/backup/format'
import { matchTables, withDefaultColumns } from '../../src/backup/restore'
import { verifyBackup, withBackup } from '../../src/backup/verify'
import { DomainError } from '../../src/domain/errors'
import { openDraft } from '../../src/engine/sqlite/connection'
import type { SchemaAdditions, Table } from '../../src/store/tables'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import {
  createSqliteTestDatabase,
  createTestBackup,
  fillWithEdgeCases,
} from '../support/test-database'

/** The bytes of a backup of a database with rows in every table, written once for all tests. */
let written: Promise<Uint8Array> | null = null

async function writeOnce(): Promise<Uint8Array> {
  await using database = await createSqliteTestDatabase()
  await fillWithEdgeCases(database)
  const { path } = await createTestBackup(database)
  return readFileSync(path)
}

/** Creates a backup of a database with rows in every table, in a folder of its own. */
async function createBackup() {
  written ??= writeOnce()
  const bytes = await written
  const folder = temporaryFolder()
  const path = join(folder.path, 'backup.sqlite')
  const copy = join(folder.path, 'copy.sqlite')
  writeFileSync(path, bytes)
  return {
    path,
    copy,
    /** Changes a copy of the backup and verifies the copy. */
    async verifyChanged(change: (copy: string) => void | Promise<void>) {
      copyFileSync(path, copy)
      await change(copy)
      return await verifyFile(copy)
    },
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  }
}

/** Returns the checksums of a valid backup, or the error. */
async function verifyFile(path: string) {
  try {
    const manifest = await withBackup(path, (backup) => verifyBackup(backup, () => {}))
    return manifest.tables.map(({ checksum }) => checksum)
  } catch (error) {
    if (error instanceof DomainError) return error
    throw error
  }
}

const sql = (text: string) => (path: string) => {
  using file = new Database(path)
  file.run(text)
}

describe('a backup is refused', () => {
  test.each([
    [
      'a row was changed',
      "update records set login = 'x:x' where id = 'r1'",
      'the rows of records differ from those that were written',
    ],
    [
      'a flag was changed',
      "update records set is_deleted = 2 where id = 'r1'",
      'the rows of records differ',
    ],
    [
      'a row number was changed',
      "update notes set seq = 77 where id = 'n2'",
      'the rows of notes differ',
    ],
    ['a row was removed', "delete from notes where id = 'n2'", 'notes has 1 row instead of 2'],
    [
      'a row was added',
      "insert into set_aside (origin) values ('x')",
      'set_aside has 2 rows instead of 1',
    ],
    [
      'a count in its manifest was changed',
      'update manifest_tables set rows = 7',
      'its manifest differs from the one',
    ],
    [
      'a checksum in its manifest was changed',
      "update manifest_tables set sha256 = 'x'",
      'its manifest differs from the one',
    ],
    [
      'its time was changed',
      "update manifest set value = '2020-01-01T00:00:00Z' where name = 'time'",
      'its manifest differs from the one',
    ],
    [
      'a setting was changed',
      "update settings set value = 'x' where name = 'SNAILPASS_LISTEN'",
      'its manifest differs from the one',
    ],
    [
      'a property of its manifest is missing',
      "delete from manifest where name = 'engine'",
      'its manifest differs from the one',
    ],
    ['its seal is missing', "delete from manifest where name = 'seal'", 'its manifest lacks seal'],
    ['its manifest is missing', 'drop table manifest', 'it has no manifest'],
    ['its settings are missing', 'drop table settings', 'it lacks the table settings'],
    ['a table is missing', 'drop table set_aside', 'it lacks the table set_aside'],
    [
      'it has a table that its manifest does not describe',
      'create table extra (x)',
      'it has an unexpected table: extra',
    ],
    ['it has a view', 'create view extra as select 1', 'it has an unexpected view: extra'],
    [
      'it has secrets that its manifest does not describe',
      'create table secrets (name, value)',
      'its manifest differs from the one',
    ],
    [
      'a column was added',
      'alter table notes add column extra',
      'notes has other columns than the manifest says',
    ],
    ['a column was removed', 'alter table notes drop column content', 'notes has other columns'],
  ])('when %s', async (_name, change, message) => {
    await using backup = await createBackup()
    const refused = await backup.verifyChanged(sql(change))
    expect(refused).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`copy.sqlite is damaged: ${message}`),
      hint: expect.stringContaining('snailpass backup list'),
    })
  })

  test('when it has a newer format, even if the rest makes no sense', async () => {
    await using backup = await createBackup()
    const refused = await backup.verifyChanged(
      sql("update manifest set value = '2' where name = 'format'; drop table settings"),
    )
    expect(refused).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('has the newer format 2'),
      hint: expect.stringContaining('install version'),
    })
  })

  test('when its end is missing', async () => {
    await using backup = await createBackup()
    const { length } = readFileSync(backup.path)
    for (const size of [0, 1, 99, 100, 4096, length / 2, length - 4096, length - 1]) {
      const refused = await backup.verifyChanged((copy) => truncateSync(copy, Math.floor(size)))
      expect(refused, `${size} bytes`).toMatchObject({ code: 'unavailable' })
    }
  })

  test('when any byte of its content was changed', async () => {
    await using backup = await createBackup()
    const intact = await verifyFile(backup.path)
    const bytes = readFileSync(backup.path)
    let refusals = 0
    for (let attempt = 0; attempt < 150; attempt++) {
      const at = Math.floor(Math.random() * bytes.length)
      const outcome = await backup.verifyChanged((copy) => {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ (1 << (attempt % 8))
        writeFileSync(copy, changed)
      })
      if (outcome instanceof DomainError) refusals++
      // Not every byte of a SQLite file is used.
      else expect<unknown>(outcome, `byte ${at}`).toEqual(intact)
    }
    expect(refusals).toBeGreaterThan(75)
  })

  test.each([
    ['a text', 'hello'],
    ['an empty file', ''],
    ['a file of zeros', '\0'.repeat(8192)],
  ])('when it is %s', async (_name, text) => {
    await using backup = await createBackup()
    const refused = await backup.verifyChanged((copy) => writeFileSync(copy, text))
    expect(refused).toMatchObject({ code: 'unavailable', hint: expect.any(String) })
  })

  test('when it is a database, which stays as it is', async () => {
    await using database = await createSqliteTestDatabase()
    await fillWithEdgeCases(database)
    const path = database.url.slice('sqlite:'.length)
    const before = readFileSync(path)
    expect(await verifyFile(path)).toMatchObject({
      message: `${path} is not a SnailPass backup`,
      hint: expect.stringContaining('snailpass backup'),
    })
    expect(readFileSync(path)).toEqual(before)
  })

  test('when there is a log beside it, which SQLite would read', async () => {
    await using backup = await createBackup()
    const refused = await backup.verifyChanged((copy) => writeFileSync(`${copy}-wal`, 'x'))
    expect(refused).toMatchObject({ message: expect.stringContaining('copy.sqlite-wal') })
  })

  test('when the file does not exist', async () => {
    expect(await verifyFile('/nonexistent/backup.sqlite')).toMatchObject({ code: 'not_found' })
  })
})

/** Changes a backup and gives it the seal of what it says then, as a program would that writes backups wrongly. */
const sealed = (text: string) => async (path: string) => {
  sql(text)(path)
  const { dialect, close } = openDraft(path)
  const db = new Kysely<BackupSchema>({ dialect })
  const value = await manifestChecksum(db, text.includes('table secrets'))
  await db.updateTable('manifest').set({ value }).where('name', '=', 'seal').execute()
  close()
}

describe('a backup whose manifest is intact is refused', () => {
  test.each<readonly [string, string, string, string | null]>([
    [
      'its format is newer',
      "update manifest set value = '3' where name = 'format'; update manifest set value = '7.0.0' where name = 'snailpass_version'",
      'has the newer format 3',
      'this snailpass reads format 1: install version 7.0.0 or a later one',
    ],
    [
      'its format is newer and its version unknown',
      "update manifest set value = '2' where name = 'format'; delete from manifest where name = 'snailpass_version'",
      'has the newer format 2',
      'this snailpass reads format 1: install the version that wrote it or a later one',
    ],
    ...['format', 'snailpass_version', 'time', 'engine', 'newest_migration'].map(
      (name) =>
        [
          `it does not say its ${name}`,
          `delete from manifest where name = '${name}'`,
          `is damaged: its manifest lacks ${name}`,
          null,
        ] as const,
    ),
    [
      'a property is no text',
      "update manifest set value = x'00' where name = 'engine'",
      'is damaged: its manifest lacks engine',
      null,
    ],
    [
      'its columns are no JSON',
      "update manifest_tables set columns = 'x' where name = 'notes'",
      'is damaged: its manifest describes no columns',
      null,
    ],
    [
      'its columns are null',
      "update manifest_tables set columns = 'null' where name = 'notes'",
      'is damaged: its manifest describes no columns',
      null,
    ],
    [
      'its columns are a text',
      "update manifest_tables set columns = '\"seq\"' where name = 'notes'",
      'is damaged: its manifest describes no columns',
      null,
    ],
    [
      'its columns have no row number',
      `update manifest_tables set columns = '{"id":"text"}' where name = 'notes'`,
      'is damaged: its manifest describes no columns',
      null,
    ],
    [
      'a column has an unknown kind',
      `update manifest_tables set columns = '{"seq":"number","id":"blob"}' where name = 'notes'`,
      'is damaged: its manifest has an unknown kind of column: blob',
      null,
    ],
    [
      'a column is missing in its table',
      `update manifest_tables set columns = json_insert(columns, '$.extra', 'text') where name = 'notes'`,
      'is damaged: notes has other columns than the manifest says',
      null,
    ],
    [
      'a table is described and missing',
      `insert into manifest_tables values ('extra', '{"seq":"number"}', 0, 'x')`,
      'is damaged: it lacks the table extra',
      null,
    ],
    [
      'its tables are not described',
      'drop table manifest_tables',
      'is damaged: it lacks the table manifest_tables',
      null,
    ],
    [
      'its count of rows is wrong',
      "update manifest_tables set rows = 3 where name = 'notes'",
      'is damaged: notes has 2 rows instead of 3',
      null,
    ],
    [
      'its checksum of rows is wrong',
      "update manifest_tables set sha256 = 'x' where name = 'users'",
      'is damaged: the rows of users differ from those that were written',
      null,
    ],
    [
      'it has a trigger',
      'create trigger extra after insert on notes begin select 1; end',
      'is damaged: it has an unexpected trigger: extra',
      null,
    ],
    [
      'it has an index',
      'create index extra on notes (id)',
      'is damaged: it has an unexpected index: extra',
      null,
    ],
  ])('if %s', async (_name, change, message, hint) => {
    await using backup = await createBackup()
    const isDropped = change.startsWith('drop')
    const refused = await backup.verifyChanged(isDropped ? sql(change) : sealed(change))
    expect(refused).toMatchObject({
      code: 'unavailable',
      message: `${backup.copy} ${message}`,
      hint:
        hint ??
        'use another backup from `snailpass backup list`; check the disk and how this file was copied',
    })
  })

  test('unless it is as its manifest says', async () => {
    await using backup = await createBackup()
    const intact = await verifyFile(backup.path)
    expect(await backup.verifyChanged(sealed('select 1'))).toEqual(intact)
    // Names of SQLite itself do not count.
    expect(await backup.verifyChanged(sealed('analyze'))).toEqual(intact)
    const withSecrets =
      "create table secrets (name text, value text); insert into secrets values ('b', '2'), ('a', '1')"
    expect(await backup.verifyChanged(sealed(withSecrets))).toEqual(intact)
    const secrets = await withBackup(backup.copy, async ({ manifest }) => manifest.secrets)
    expect(secrets).toEqual([
      { name: 'a', value: '1' },
      { name: 'b', value: '2' },
    ])
    // An older format would be read by its own description.
    const older = "update manifest set value = '0' where name = 'format'"
    expect(await backup.verifyChanged(sealed(older))).toEqual(intact)
  })
})

describe('a file beside a backup', () => {
  test.each(['-wal', '-journal'])('that SQLite would read is named: %s', async (end) => {
    await using backup = await createBackup()
    const refused = await backup.verifyChanged((copy) => writeFileSync(`${copy}${end}`, 'x'))
    expect(refused).toMatchObject({
      code: 'unavailable',
      message: `${backup.copy} was changed: ${backup.copy}${end} exists`,
      hint: 'use a backup that no program has written to; or move that file away, and check the backup with `snailpass backup verify`',
    })
  })
})

test('a file with less than a whole header is no backup, and an empty one is damaged', async () => {
  await using backup = await createBackup()
  const sizes = [1, 16, 71, 72, 99]
  for (const size of sizes) {
    const refused = await backup.verifyChanged((copy) => truncateSync(copy, size))
    expect(refused, `${size}`).toMatchObject({
      message: `${backup.copy} is not a SnailPass backup`,
    })
  }
  expect(await backup.verifyChanged((copy) => truncateSync(copy, 0))).toMatchObject({
    message: `${backup.copy} is damaged: it is empty`,
  })
  // The id of a database of snailpass, and of no program.
  for (const id of ['534e4c50', '00000000']) {
    const refused = await backup.verifyChanged((copy) => {
      const bytes = readFileSync(copy)
      bytes.write(id, 68, 'hex')
      writeFileSync(copy, bytes)
    })
    expect(refused).toMatchObject({ message: `${backup.copy} is not a SnailPass backup` })
  }
})

test('messages name the encrypted file instead of its decrypted copy', async () => {
  await using backup = await createBackup()
  const verifying = (path: string) =>
    withBackup(path, (opened) => verifyBackup(opened, () => {}), '/mnt/x.age')
  copyFileSync(backup.path, backup.copy)
  sql("delete from notes where id = 'n2'")(backup.copy)
  expect(await captureError(verifying(backup.copy))).toMatchObject({
    message: '/mnt/x.age is damaged: notes has 1 row instead of 2',
  })
  writeFileSync(backup.copy, 'x')
  expect(await captureError(verifying(backup.copy))).toMatchObject({
    message: '/mnt/x.age is not a SnailPass backup',
  })
  expect(await captureError(verifying(`${backup.path}-missing`))).toMatchObject({
    message: '/mnt/x.age does not exist',
  })
})

describe('a column that an older backup lacks', () => {
  const table: Table = {
    name: 'notes',
    columns: { seq: 'number', id: 'text', pinned: 'flag', colour: 'text' },
  }
  const backedUp = (columns: Table['columns']) => ({
    name: 'notes',
    columns,
    checksum: { table: 'notes', rows: 1, sha256: '' },
  })
  const old = backedUp({ seq: 'number', id: 'text' })
  const known = (additions: SchemaAdditions) => ({ tables: [table], additions })
  const additions: SchemaAdditions = {
    formerNames: {},
    tables: [],
    columns: { notes: { pinned: 0, colour: null } },
  }

  test('gets its default', () => {
    expect(matchTables('a', [old], known(additions))).toEqual([{ table, backedUp: old }])
    const row = withDefaultColumns({ seq: 1, id: 'n' }, table, additions)
    expect(Object.entries(row)).toEqual([
      ['seq', 1],
      ['id', 'n'],
      ['pinned', 0],
      ['colour', null],
    ])
    const full = { seq: 1, id: 'n', pinned: 1, colour: 'red' }
    expect(withDefaultColumns(full, table, additions)).toEqual(full)
  })

  test('is looked for in the table that had another name, unless the backup has the new one', () => {
    const renamed: SchemaAdditions = { ...additions, formerNames: { notes: 'memos' } }
    const former = { ...old, name: 'memos' }
    const match = (tables: Parameters<typeof matchTables>[1]) =>
      matchTables('a', tables, known(renamed))
    expect(match([former])).toEqual([{ table, backedUp: former }])
    expect(match([old])).toEqual([{ table, backedUp: old }])
    expect(() => match([old, former])).toThrow('the unknown table memos')
    // Another table in the backup makes neither name the right one.
    expect(() => match([former, { ...old, name: 'others' }])).toThrow('the unknown table others')
  })

  test('is an error if every version has it', () => {
    const none: SchemaAdditions = { formerNames: {}, tables: [], columns: {} }
    expect(() => matchTables('a', [old], known(none))).toThrow(
      'a is damaged: notes lacks the column pinned',
    )
    expect(() => matchTables('a', [], known(none))).toThrow(
      'a is damaged: it lacks the table notes',
    )
    expect(matchTables('a', [], known({ ...additions, tables: ['notes'] }))).toEqual([
      { table, backedUp: null },
    ])
  })

  test('is not an error, but a column or table that this version does not know is', () => {
    const more = backedUp({ ...table.columns, extra: 'text' })
    expect(() => matchTables('a', [more], known(additions))).toThrow(
      'a was written by a newer snailpass: it has the unknown column extra in notes',
    )
    expect(() => matchTables('a', [{ ...more, name: 'extras' }], known(additions))).toThrow(
      'the unknown table extras',
    )
  })
})
