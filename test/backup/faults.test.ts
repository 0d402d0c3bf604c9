import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type BackupFileAccess,
  backupSpaceError,
  damagedBackupError,
  notABackupError,
  translateBackupErrors,
} from '../../src/backup/faults'
import { DomainError } from '../../src/domain/errors'
import { createSqliteFile } from '../../src/engine/sqlite/connection'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'

const path = '/backups/x.sqlite'
const access = 'check the permissions of that file and its folder, and check the disk'
const space =
  'free space on that disk, or choose another location with --to or SNAILPASS_BACKUP_DIR'
const damaged =
  'use another backup from `snailpass backup list`; check the disk and how this file was copied'

/** An error as the system reports it. */
const systemError = (code: string) =>
  Object.assign(new Error(`${code}: it went wrong`), { code, syscall: 'write' })

/** Returns what work on the backup rejects with if it throws an error. */
const translated = (error: unknown, accessed: BackupFileAccess) =>
  captureError(translateBackupErrors(path, accessed, () => Promise.reject(error)))

/** Returns the error that SQLite throws for a statement on a new file. */
function sqliteError(folder: string, ...statements: readonly string[]): Error {
  const file = join(folder, `${crypto.randomUUID()}.sqlite`)
  createSqliteFile(file)
  using database = new Database(file)
  try {
    for (const statement of statements) database.run(statement)
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('no error')
}

describe('an error of work on a backup', () => {
  test.each([
    ['ENOSPC', 'written'],
    ['ENOSPC', 'read'],
    ['EDQUOT', 'written'],
  ] as const)('is reported as a full disk: %s of a file that is %s', async (code, accessed) => {
    const cause = systemError(code)
    expect(await translated(cause, accessed)).toMatchObject({
      code: 'storage_full',
      message: `no space left to write ${path}`,
      hint: space,
      cause,
    })
  })

  test('is reported as a missing file if that should be read', async () => {
    const cause = systemError('ENOENT')
    expect(await translated(cause, 'read')).toMatchObject({
      code: 'not_found',
      message: `${path} does not exist`,
      hint: 'list the backups with `snailpass backup list`',
      cause,
    })
    // The folder of a file that should be written is missing: that is another problem.
    expect(await translated(cause, 'written')).toMatchObject({
      code: 'unavailable',
      message: `${path} can't be written: ENOENT: it went wrong`,
      hint: access,
      cause,
    })
  })

  test.each(['EACCES', 'EISDIR', 'EIO', 'EEXIST'])(
    'of the system is reported with what to check: %s',
    async (code) => {
      for (const accessed of ['written', 'read'] as const) {
        const cause = systemError(code)
        expect(await translated(cause, accessed)).toMatchObject({
          code: 'unavailable',
          message: `${path} can't be ${accessed}: ${code}: it went wrong`,
          hint: access,
          cause,
        })
      }
    },
  )

  test('of SQLite is reported as a full disk, damage, or what to check', async () => {
    using folder = temporaryFolder()
    const full = sqliteError(
      folder.path,
      'pragma max_page_count = 2',
      'create table x (y)',
      'insert into x values (zeroblob(20000))',
    )
    expect(await translated(full, 'written')).toMatchObject({
      code: 'storage_full',
      message: `no space left to write ${path}`,
      hint: space,
      cause: full,
    })
    const noDatabase = join(folder.path, 'text')
    writeFileSync(noDatabase, 'no database '.repeat(1000))
    const wrong = await captureError(
      Promise.try(() => {
        using database = new Database(noDatabase)
        database.run('select * from sqlite_schema')
      }),
    )
    expect(await translated(wrong, 'read')).toMatchObject({
      code: 'unavailable',
      message: `${path} is damaged: file is not a database`,
      hint: damaged,
      cause: wrong,
    })
    const readOnly = sqliteError(folder.path, 'pragma query_only = on', 'create table x (y)')
    expect(await translated(readOnly, 'written')).toMatchObject({
      code: 'unavailable',
      message: `${path} can't be written: ${readOnly.message}`,
      hint: access,
      cause: readOnly,
    })
    mkdirSync(join(folder.path, 'folder'))
    const unopened = await captureError(
      Promise.try(() => new Database(join(folder.path, 'folder'))),
    )
    expect(await translated(unopened, 'read')).toMatchObject({
      code: 'unavailable',
      message: `${path} can't be read: unable to open database file`,
      cause: unopened,
    })
  })

  test('that is a bug or has its own meaning passes unchanged', async () => {
    using folder = temporaryFolder()
    const others = [
      new TypeError('x is undefined'),
      new DomainError('conflict', 'it exists'),
      // It has a code, as those of Node's own functions do, and is not from the system.
      Object.assign(new Error('bad argument'), { code: 'ERR_INVALID_ARG_TYPE' }),
      sqliteError(folder.path, 'nonsense'),
      'a text',
    ]
    for (const other of others) {
      for (const accessed of ['written', 'read'] as const) {
        expect(await translated(other, accessed)).toBe(other)
      }
    }
  })

  test('does not come from work that succeeds', async () => {
    expect(await translateBackupErrors(path, 'read', async () => 5)).toBe(5)
  })
})

test('each error about a backup says what to do', () => {
  const cause = new Error('x')
  expect(damagedBackupError(path, 'it is empty', cause)).toMatchObject({
    code: 'unavailable',
    message: `${path} is damaged: it is empty`,
    hint: damaged,
    cause,
  })
  expect(backupSpaceError('too little', cause)).toMatchObject({
    code: 'storage_full',
    message: 'too little',
    hint: space,
    cause,
  })
  expect(notABackupError(path)).toMatchObject({
    code: 'unavailable',
    message: `${path} is not a SnailPass backup`,
    hint: 'use a file that `snailpass backup` wrote; to restore a copy of a database file, stop the server and copy the file',
  })
})
