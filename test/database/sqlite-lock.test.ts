import { describe, expect, test } from 'bun:test'
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { resolveSqliteLocation } from '../../src/database/sqlite-location'
import { lockSqliteDatabase, tryLockSqliteDatabase } from '../../src/database/sqlite-lock'
import { modeOf } from '../support/data-folder'
import { temporaryFolder } from '../support/executable'

const locationOf = (path: string) => resolveSqliteLocation(path, '/nonexistent')

/** A database file, and another name for it in another folder: a hard link. */
function createLinkedFile() {
  const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()]
  const [path, link] = [join(folder.path, 'snailpass.db'), join(elsewhere.path, 'copy.db')]
  return {
    path,
    link,
    create() {
      writeFileSync(path, 'content')
      linkSync(path, link)
    },
    [Symbol.dispose]() {
      folder[Symbol.dispose]()
      elsewhere[Symbol.dispose]()
    },
  }
}

describe('the exclusive use of a database', () => {
  test('is held by one process at a time, also before the database exists', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'snailpass.db')
    const lock = lockSqliteDatabase(locationOf(path))
    expect(() => lockSqliteDatabase(locationOf(path))).toThrow(
      expect.objectContaining({
        code: 'conflict',
        message: `${path} is in use by another snailpass process`,
      }),
    )
    expect(tryLockSqliteDatabase(locationOf(path))).toBeNull()
    expect(readdirSync(folder.path)).toEqual(['server.lock'])
    expect(modeOf(join(folder.path, 'server.lock'))).toBe('600')
    lock.release()
    lockSqliteDatabase(locationOf(path)).release()
  })

  test('is of the file, not of its name', () => {
    using file = createLinkedFile()
    file.create()
    const lock = lockSqliteDatabase(locationOf(file.path))
    expect(tryLockSqliteDatabase(locationOf(file.link))).toBeNull()
    // The lock file of the other name is free again.
    lock.release()
    const other = lockSqliteDatabase(locationOf(file.link))
    expect(tryLockSqliteDatabase(locationOf(file.path))).toBeNull()
    other.release()
    expect(readFileSync(file.path, 'utf8')).toBe('content')
  })

  test('can be had by a link, which is another name for the same lock', () => {
    using file = createLinkedFile()
    file.create()
    const symbolic = `${file.path}.link`
    symlinkSync(file.path, symbolic)
    const lock = lockSqliteDatabase(locationOf(symbolic))
    expect(tryLockSqliteDatabase(locationOf(file.path))).toBeNull()
    lock.release()
  })

  test('is not lost when another descriptor of the file is closed', () => {
    using file = createLinkedFile()
    file.create()
    const lock = lockSqliteDatabase(locationOf(file.path))
    readFileSync(file.path)
    expect(tryLockSqliteDatabase(locationOf(file.link))).toBeNull()
    lock.release()
  })

  test('is taken of a file that was created meanwhile, unless another process has it', () => {
    using file = createLinkedFile()
    const lock = lockSqliteDatabase(locationOf(file.path))
    file.create()
    const other = lockSqliteDatabase(locationOf(file.link))
    expect(() => lock.lockCreatedFile()).toThrow(`${file.path} is in use by another`)
    other.release()
    lock.release()

    const next = lockSqliteDatabase(locationOf(file.path))
    next.lockCreatedFile()
    expect(tryLockSqliteDatabase(locationOf(file.link))).toBeNull()
    next.release()
  })

  test('names the file that can not be opened', () => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'file'), '')
    const path = join(folder.path, 'file', 'x.db')
    expect(() => lockSqliteDatabase({ ...locationOf(path), lockFile: `${path}.lock` })).toThrow(
      expect.objectContaining({
        code: 'unavailable',
        message: expect.stringContaining(`${path}.lock can't be used: `),
      }),
    )
  })

  test('leaves its lock file free if the database can not be opened', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'x.db')
    mkdirSync(path)
    const location = locationOf(path)
    expect(() => lockSqliteDatabase(location)).toThrow(
      expect.objectContaining({
        code: 'unavailable',
        message: expect.stringContaining(`${path} can't be used: `),
      }),
    )
    rmdirSync(path)
    lockSqliteDatabase(location).release()
  })
})
