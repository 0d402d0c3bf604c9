import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Kysely } from 'kysely'
import {
  type BackupSchema,
  backupApplicationId,
  createTables,
  describeTable,
  formatVersion,
  manifestChecksum,
  secretNames,
} from '../../src/backup/format'
import { verifyBackup, withBackup } from '../../src/backup/verify'
import { writeBackupFile } from '../../src/backup/write'
import type { TableChecksum } from '../../src/database/table-copy'
import { createSqliteFile, openDraft } from '../../src/engine/sqlite/connection'
import type { Schema } from '../../src/store/schema'
import { tables } from '../../src/store/tables'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { recordFileOperations } from '../support/file-operations'

const time = Date.UTC(2026, 10, 24, 3, 15, 2, 987)
const settings = [
  { name: 'SNAILPASS_LISTEN', value: '0.0.0.0:5000', source: 'default' },
  { name: 'SNAILPASS_MAX_BODY', value: null, source: 'file' },
]
const secrets = [
  { name: 'secret_key', value: 'k' },
  { name: 'secret_key_fingerprint', value: 'f' },
]
const emptySha256 = createHash('sha256').digest('hex')

/** Creates a database with our tables, two invitations and three migrations, in the folder. */
async function createSource(folder: string) {
  const path = join(folder, `${crypto.randomUUID()}.sqlite`)
  createSqliteFile(path)
  const { dialect, close } = openDraft(path)
  await createTables(new Kysely<BackupSchema>({ dialect }), false)
  const db = new Kysely<Schema>({ dialect })
  for (const email of ['a@nas.local', 'b@nas.local']) {
    await db.insertInto('invitations').values({ email, creation_time: 3 }).execute()
  }
  await db.schema.createTable('kysely_migration').addColumn('name', 'text').execute()
  const migrations = db.withTables<{ kysely_migration: { name: string } }>()
  for (const name of ['0002-second', '0010-tenth', '0001-first']) {
    await migrations.insertInto('kysely_migration').values({ name }).execute()
  }
  return { db, [Symbol.dispose]: close }
}

/** Writes a backup to a folder. Returns its path and checksums. */
async function writeTo(folder: string, withSecrets = false) {
  using source = await createSource(folder)
  const path = join(folder, 'backup.sqlite')
  const steps: string[] = []
  const checksums = await writeBackupFile(
    path,
    {
      db: source.db,
      progress: (table, rows) => steps.push(`${table} ${rows}`),
      translateErrors: (work) => work(),
    },
    {
      version: '1.2.3',
      engine: 'postgres',
      clock: () => time,
      settings,
      secrets: withSecrets ? secrets : null,
    },
  )
  return { path, checksums, steps }
}

const rowsOf = (path: string, query: string) => {
  using file = new Database(path, { readonly: true })
  return file.query(query).all()
}

const invitationsSha256 = createHash('sha256')
  .update('[1,"a@nas.local",3]\n[2,"b@nas.local",3]\n')
  .digest('hex')

describe('the format of a backup', () => {
  test('is version 1, in a SQLite file that is marked as a backup', async () => {
    using folder = temporaryFolder()
    expect(formatVersion).toBe(1)
    expect(backupApplicationId).toBe(Number(`0x${Buffer.from('SNLA').toString('hex')}`))
    expect(secretNames).toEqual({ key: 'secret_key', fingerprint: 'secret_key_fingerprint' })
    const { path } = await writeTo(folder.path)
    const header = readFileSync(path)
    expect(header.subarray(0, 16).toString()).toBe('SQLite format 3\0')
    expect(header.subarray(68, 72).toString()).toBe('SNLA')
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test.each([false, true])('has fixed tables, with secrets: %p', async (withSecrets) => {
    using folder = temporaryFolder()
    const { path } = await writeTo(folder.path, withSecrets)
    const statements = rowsOf(path, 'select sql from sqlite_schema where sql is not null')
    const texts = statements.map((row) => Object.values(Object(row)).join())
    expect(texts).toEqual([
      'CREATE TABLE manifest (name text primary key, value text not null)',
      'CREATE TABLE manifest_tables (name text primary key, columns text not null, rows integer not null, sha256 text not null)',
      'CREATE TABLE settings (name text primary key, value text, source text not null)',
      ...(withSecrets ? ['CREATE TABLE secrets (name text primary key, value text not null)'] : []),
      'CREATE TABLE "users" (seq integer primary key, "id" text, "email" text, "master_password_hash" text, "hint" text, "email_confirmed" integer, "session_epoch" text, "creation_time" integer, "letter_time" integer, "disabled" integer, "login_time" integer, "deletion_time" integer)',
      'CREATE TABLE "devices" (seq integer primary key, "user_id" text, "kind" text, "network" text, "first_time" integer, "time" integer)',
      'CREATE TABLE "invitations" (seq integer primary key, "email" text, "creation_time" integer)',
      ...tables
        .slice(3)
        .map(({ name }) =>
          expect.stringContaining(`CREATE TABLE "${name}" (seq integer primary key, `),
        ),
    ])
  })

  test('describes each table, its origin and the settings', async () => {
    using folder = temporaryFolder()
    const { path, checksums, steps } = await writeTo(folder.path)
    const expected: TableChecksum[] = tables.map(({ name }) =>
      name === 'invitations'
        ? { table: name, rows: 2, sha256: invitationsSha256 }
        : { table: name, rows: 0, sha256: emptySha256 },
    )
    expect(checksums).toEqual(expected)
    expect(steps).toEqual(['invitations 2'])
    expect(rowsOf(path, 'select * from manifest_tables order by rowid')).toEqual(
      tables.map((table, index) => ({
        name: table.name,
        columns: JSON.stringify(table.columns),
        rows: expected[index]?.rows,
        sha256: expected[index]?.sha256,
      })),
    )
    expect(rowsOf(path, 'select * from manifest order by rowid')).toEqual([
      { name: 'format', value: '1' },
      { name: 'snailpass_version', value: '1.2.3' },
      { name: 'time', value: '2026-11-24T03:15:02.987Z' },
      { name: 'engine', value: 'postgres' },
      { name: 'newest_migration', value: '0010-tenth' },
      { name: 'seal', value: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ])
    expect(rowsOf(path, 'select * from settings')).toEqual(settings)
    const { db: _, ...opened } = await withBackup(path, async (backup) => ({
      ...backup,
      verified: await verifyBackup(backup, () => {}),
    }))
    const manifest = {
      version: '1.2.3',
      time,
      engine: 'postgres',
      migration: '0010-tenth',
      tables: tables.map(({ name, columns }, index) => ({
        name,
        columns,
        checksum: expected[index],
      })),
      settings,
      secrets: null,
      signature: null,
    }
    expect<unknown>(opened).toEqual({ name: path, manifest, verified: manifest })
  })

  test('has the secrets only if they were given', async () => {
    using folder = temporaryFolder()
    const { path } = await writeTo(folder.path, true)
    expect(rowsOf(path, 'select * from secrets')).toEqual(secrets)
    const { manifest } = await withBackup(path, async (backup) => backup)
    expect(manifest.secrets).toEqual(secrets)
  })

  test('has a checksum of its description that every version computes', async () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'x')
    createSqliteFile(path)
    const { dialect, close } = openDraft(path)
    const db = new Kysely<BackupSchema>({ dialect })
    await createTables(db, true)
    const checksum = (text: string) => createHash('sha256').update(text).digest('hex')
    expect(await manifestChecksum(db, false)).toBe(emptySha256)
    expect(await manifestChecksum(db, true)).toBe(checksum('secrets\n'))
    const manifest = [
      { name: 'time', value: 't' },
      { name: 'format', value: '1' },
      { name: 'seal', value: 'not a part of it' },
    ] as const
    await db.insertInto('manifest').values(manifest).execute()
    const described = { columns: '{"seq":"number"}', rows: 2, sha256: 's' }
    const described2 = [
      { name: 'b', ...described },
      { name: 'a', ...described },
    ]
    await db.insertInto('manifest_tables').values(described2).execute()
    await db.insertInto('settings').values(settings.toReversed()).execute()
    await db.insertInto('secrets').values(secrets.toReversed()).execute()
    const lines = [
      '["format","1"]',
      '["time","t"]',
      String.raw`["a","{\"seq\":\"number\"}",2,"s"]`,
      String.raw`["b","{\"seq\":\"number\"}",2,"s"]`,
      '["SNAILPASS_LISTEN","0.0.0.0:5000","default"]',
      '["SNAILPASS_MAX_BODY",null,"file"]',
    ]
    expect(await manifestChecksum(db, false)).toBe(checksum(`${lines.join('\n')}\n`))
    const withSecrets = [
      ...lines,
      'secrets',
      '["secret_key","k"]',
      '["secret_key_fingerprint","f"]',
    ]
    expect(await manifestChecksum(db, true)).toBe(checksum(`${withSecrets.join('\n')}\n`))
    await db.destroy()
    close()
  })

  test('describes a table by its columns in their order', () => {
    const columns = { seq: 'number', b: 'text', a: 'flag' } as const
    expect(describeTable({ name: 'x', columns }, { table: 'x', rows: 7, sha256: 'ab' })).toEqual({
      name: 'x',
      columns: '{"seq":"number","b":"text","a":"flag"}',
      rows: 7,
      sha256: 'ab',
    })
  })
})

describe('writing a backup', () => {
  test('ends when the file is on the disk', async () => {
    using folder = temporaryFolder()
    using recording = recordFileOperations(folder.path)
    const { path } = await writeTo(folder.path)
    expect(recording.take()).toEqual([`sync ${basename(path)}`])
  })

  test('never replaces a file', async () => {
    using folder = temporaryFolder()
    const { path } = await writeTo(folder.path)
    const before = readFileSync(path)
    using source = await createSource(folder.path)
    const writing = writeBackupFile(
      path,
      {
        db: source.db,
        progress: () => {},
        translateErrors: (work) => work(),
      },
      { version: '1', engine: 'sqlite', clock: () => time, settings: [], secrets: null },
    )
    expect(await captureError(writing)).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`${path} can't be written: EEXIST`),
    })
    expect(readFileSync(path)).toEqual(before)
  })

  test('tells the errors of the database from those of the backup', async () => {
    using folder = temporaryFolder()
    using source = await createSource(folder.path)
    const failure = new Error('the database is away')
    const metadata = {
      version: '1',
      engine: 'sqlite',
      clock: () => time,
      settings: [],
      secrets: null,
    } as const
    // The last one is that of the newest migration.
    for (const failing of [1, 2, 100]) {
      let calls = 0
      const path = join(folder.path, String(failing))
      const writing = writeBackupFile(
        path,
        {
          db: source.db,
          progress: () => {},
          async translateErrors(work) {
            if (++calls === failing) throw failure
            return await work()
          },
        },
        metadata,
      )
      expect(await captureError(writing), String(failing)).toBe(failing === 100 ? null : failure)
      // One for each page, the end of each table, and the newest migration.
      if (failing === 100) expect(calls).toBe(tables.length + 2)
    }
  })
})
