import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { backUpBefore, listBackups, writeBackup } from '../../../src/app/operations/backup'
import { verifyBackupFile } from '../../../src/app/operations/restore'
import type { TableChecksum } from '../../../src/database/table-copy'
import { lockFile } from '../../../src/files/file-lock'
import { tables } from '../../../src/store/tables'
import { captureError } from '../../support/capture-error'
import { temporaryFolder } from '../../support/executable'
import { startPostgresFirst } from '../../support/postgres'
import { virtualTiming } from '../../support/store'
import {
  createAgeKeyPair,
  createSqliteTestDatabase,
  createTestBackup,
  edgeCaseTexts,
  enginesWithTables,
  fillWithEdgeCases,
  noDecryption,
  targetsOf,
} from '../../support/test-database'

startPostgresFirst('newest')

const countRows = (sums: readonly TableChecksum[]) => sums.reduce((sum, { rows }) => sum + rows, 0)

const quiet = { decryption: noDecryption, onProgress: () => {} }

describe.each(enginesWithTables)('a backup of $engine', ({ open, engine }) => {
  test('contains every row as it was, in its order, with the checksum that SQLite computes', async () => {
    await using database = await open()
    await fillWithEdgeCases(database)
    const { path, tables: sums } = await createTestBackup(database)
    // The audit log has one row, and a checkpoint for each of its ends.
    expect(countRows(sums)).toBe(2 + 1 + 1 + edgeCaseTexts.length * 3 + 2 + 1 + 2 + 1 + 1 + 2)
    using file = new Database(path, { readonly: true })
    for (const { name, columns } of tables) {
      const checksum = sums.find(({ table }) => table === name)
      const lines = file
        .query<{ line: string }, []>(
          `select json_array(${Object.keys(columns).join(', ')}) as line from ${name} order by seq`,
        )
        .all()
      const bySqlite = createHash('sha256')
      for (const { line } of lines) bySqlite.update(`${line}\n`)
      expect(checksum).toEqual({ table: name, rows: lines.length, sha256: bySqlite.digest('hex') })
      // As another client reads the database: in a backup, flags are 1 and 0, and times are numbers.
      const source = await database.sql(`select * from ${name} order by seq`)
      const portable = source.map((row) =>
        Object.fromEntries(
          Object.entries(columns).map(([column, kind]) => {
            const value = row[column]
            return [column, kind === 'text' || value === null ? value : Number(value)]
          }),
        ),
      )
      expect(file.query(`select * from ${name} order by seq`).all()).toEqual(portable)
    }
  })

  test('has the checksum that shell commands compute', async () => {
    await using database = await open()
    await fillWithEdgeCases(database)
    const { path, tables: sums } = await createTestBackup(database)
    for (const table of ['records', 'set_aside']) {
      const columns = Object.keys(tables.find(({ name }) => name === table)?.columns ?? {})
      const query = `select json_array(${columns}) from ${table} order by seq`
      const { stdout } = spawnSync('sh', ['-c', `sqlite3 "$0" "$1" | sha256sum`, path, query])
      expect(String(stdout).slice(0, 64)).toBe(
        sums.find((sum) => sum.table === table)?.sha256 ?? '',
      )
    }
  })

  test('describes itself, is readable by its owner only, and contains no secret', async () => {
    await using database = await open()
    await fillWithEdgeCases(database)
    const secretKey = 'the key of these servers'
    const { path } = await createTestBackup(
      database,
      {},
      { SNAILPASS_SECRET_KEY: secretKey, MAIL_USERNAME: 'me@nas.local', MAIL_PASSWORD: 'hush' },
    )
    expect(path).toStartWith(join(database.dataDir, 'backups', 'snailpass-'))
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(database.dataDir, 'backups')).mode & 0o777).toBe(0o700)
    const {
      tables: _,
      settings,
      ...manifest
    } = await verifyBackupFile(targetsOf(database), path, quiet)
    expect(manifest).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      time: expect.any(Number),
      engine: engine.toLowerCase(),
      migration: expect.stringMatching(/^\d{4}-/),
      secrets: null,
      signature: {
        fingerprint: expect.stringMatching(/^[\da-f]{32}$/),
        mac: expect.stringMatching(/^[\da-f]{64}$/),
        checksum: expect.any(String),
      },
      isEncrypted: false,
      // The targets have the key of the data folder, not that of these settings.
      origin: 'other-key',
    })
    expect(settings).toContainEqual({
      name: 'MAIL_USERNAME',
      value: 'me@nas.local',
      source: 'environment',
    })
    expect(settings).toContainEqual({ name: 'MAIL_PASSWORD', value: '•••', source: 'environment' })
    const bytes = await Bun.file(path).text()
    const { password } = new URL(database.url)
    for (const secret of [secretKey, 'hush', ...(password === '' ? [] : [password])]) {
      expect(bytes).not.toContain(secret)
    }
    const [fact] = await database.sql("select value from facts where name = 'key_fingerprint'")
    expect(String(fact?.['value'])).toMatch(/^[0-9a-f]{32}$/)
    expect(bytes).not.toContain(String(fact?.['value']))
  })

  test('taken before an operation has it in its name', async () => {
    await using database = await open()
    await fillWithEdgeCases(database)
    const path = await backUpBefore(targetsOf(database), 'user-delete')
    expect(basename(path)).toMatch(/^snailpass-before-user-delete-\d{8}T\d{6}Z\.sqlite$/)
    expect((await verifyBackupFile(targetsOf(database), path, quiet)).tables).toHaveLength(
      tables.length,
    )
  })
})

describe('a backup is written', () => {
  test('to the given folder or file, under a new name each time', async () => {
    await using database = await createSqliteTestDatabase()
    using folder = temporaryFolder()
    await fillWithEdgeCases(database)
    const time = Date.UTC(2026, 10, 24, 3, 15, 2)
    const write = async (to: string | null, more: Record<string, string> = {}) =>
      (await writeBackup(targetsOf(database, more, { clock: () => time }), { to })).path
    const name = 'snailpass-20261124T031502Z.sqlite'
    expect(await write(folder.path)).toBe(join(folder.path, name))
    expect(await write(folder.path)).toBe(join(folder.path, 'snailpass-20261124T031502Z-2.sqlite'))
    expect(await write(`${folder.path}/new/`)).toBe(join(folder.path, 'new', name))
    expect(await write(`${folder.path}/mine`)).toBe(join(folder.path, 'mine'))
    const set = { SNAILPASS_BACKUP_DIR: join(folder.path, 'set') }
    // Its disk may be away.
    expect(await captureError(write(null, set))).toMatchObject({
      code: 'unavailable',
      message: `the backup folder ${join(folder.path, 'set')} does not exist`,
      hint: `mount its disk, or create it: mkdir ${join(folder.path, 'set')}`,
    })
    expect(existsSync(join(folder.path, 'set'))).toBeFalse()
    mkdirSync(join(folder.path, 'set'))
    expect(await write(null, set)).toBe(join(folder.path, 'set', name))
    const before = await Bun.file(`${folder.path}/mine`).bytes()
    expect(await captureError(write(`${folder.path}/mine`))).toMatchObject({ code: 'conflict' })
    expect(await Bun.file(`${folder.path}/mine`).bytes()).toEqual(before)
  })

  test('to a folder from which partial files of a killed run are removed, and nothing else', async () => {
    await using database = await createSqliteTestDatabase()
    await fillWithEdgeCases(database)
    const folder = join(database.dataDir, 'backups')
    mkdirSync(folder)
    writeFileSync(join(folder, 'snailpass-20260101T000000Z.sqlite.partial'), 'half')
    writeFileSync(join(folder, 'snailpass-20260101T000000Z.sqlite.age.partial'), 'half')
    writeFileSync(join(folder, 'mine.partial'), 'mine')
    writeFileSync(join(database.dataDir, 'snailpass-draft.sqlite.partial'), 'half')
    const { recipient } = await createAgeKeyPair(database.dataDir)
    await createTestBackup(database, { encryptFor: { recipients: [recipient] } })
    expect(readdirSync(folder).sort()).toEqual([
      '.snailpass.lock',
      'mine.partial',
      expect.stringMatching(/^snailpass-\d{8}T\d{6}Z\.sqlite\.age$/),
    ])
    expect(readdirSync(database.dataDir).filter((name) => name.includes('partial'))).toEqual([])
  })

  test('to a folder in which no other backup is written at the same time', async () => {
    await using database = await createSqliteTestDatabase()
    await fillWithEdgeCases(database)
    const folder = join(database.dataDir, 'backups')
    mkdirSync(folder)
    const draft = join(folder, 'snailpass-20260101T000000Z.sqlite.partial')
    writeFileSync(draft, 'of another process')
    const lock = lockFile(join(folder, '.snailpass.lock'))
    const { wait } = virtualTiming()
    const writing = writeBackup(targetsOf(database, {}, { wait }))
    expect(await captureError(writing)).toMatchObject({
      code: 'conflict',
      message: `another backup to ${folder} is running`,
    })
    expect(existsSync(draft)).toBeTrue()
    lock?.release()
    const both = await Promise.all([createTestBackup(database), createTestBackup(database)])
    expect(new Set(both.map(({ path }) => path)).size).toBe(2)
  })

  test('nowhere if its folder can not be created', async () => {
    await using database = await createSqliteTestDatabase()
    await fillWithEdgeCases(database)
    const to = join(database.dataDir, 'snailpass.db', 'below', 'a file')
    writeFileSync(join(database.dataDir, 'snailpass.db'), '')
    expect(await captureError(createTestBackup(database, { to }))).toMatchObject({
      code: 'unavailable',
    })
  })
})

test('backups are listed by their time, complete or not, without being verified', async () => {
  await using database = await createSqliteTestDatabase()
  const targets = targetsOf(database)
  expect(await listBackups(targets)).toEqual([])
  await fillWithEdgeCases(database)
  const at = (time: number) => targetsOf(database, {}, { clock: () => time })
  const [first, second] = [Date.UTC(2026, 0, 2, 3, 4, 5), Date.UTC(2026, 0, 3)]
  const { recipient } = await createAgeKeyPair(database.dataDir)
  const later = await writeBackup(at(second), { encryptFor: { recipients: [recipient] } })
  const plain = await writeBackup(at(first), {})
  const folder = join(database.dataDir, 'backups')
  const half = join(folder, 'snailpass-20260104T000000Z.sqlite.partial')
  const wrong = join(folder, 'snailpass-20260105T000000Z.sqlite')
  for (const file of [half, wrong]) writeFileSync(file, 'half')
  const encrypted = (name: string, content: string) => {
    const file = join(folder, `snailpass-${name}.sqlite.age`)
    writeFileSync(file, content)
    return { file, size: content.length, encrypted: true, rows: null, complete: false }
  }
  const header = 'age-encryption.org/v1\n'
  const noAge = encrypted('20260106T000000Z', 'half')
  const halfAge = encrypted('20260107T000000Z', header)
  renameSync(halfAge.file, `${halfAge.file}.partial`)
  const directory = join(folder, 'snailpass-20260108T000000Z.sqlite')
  mkdirSync(directory)
  // Without a time in its name, its manifest has it.
  const renamed = join(folder, 'snailpass-mine.sqlite')
  copyFileSync(plain.path, renamed)
  writeFileSync(join(folder, 'something else'), '')
  const sizeOf = (file: string) => statSync(file).size
  expect(await listBackups(targets)).toEqual([
    {
      file: plain.path,
      time: first,
      size: sizeOf(plain.path),
      encrypted: false,
      rows: countRows(plain.tables),
      complete: true,
    },
    {
      file: renamed,
      time: first,
      size: sizeOf(plain.path),
      encrypted: false,
      rows: countRows(plain.tables),
      complete: true,
    },
    {
      file: later.path,
      time: second,
      size: sizeOf(later.path),
      encrypted: true,
      rows: null,
      complete: true,
    },
    {
      file: half,
      time: Date.UTC(2026, 0, 4),
      size: 4,
      encrypted: false,
      rows: null,
      complete: false,
    },
    {
      file: wrong,
      time: Date.UTC(2026, 0, 5),
      size: 4,
      encrypted: false,
      rows: null,
      complete: false,
    },
    { ...noAge, time: Date.UTC(2026, 0, 6) },
    { ...halfAge, file: `${halfAge.file}.partial`, time: Date.UTC(2026, 0, 7) },
    {
      file: directory,
      time: Date.UTC(2026, 0, 8),
      size: 0,
      encrypted: false,
      rows: null,
      complete: false,
    },
  ])
})
