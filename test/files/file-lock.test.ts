import { Database, SQLiteError } from 'bun:sqlite'
import { expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lockFile } from '../../src/files/file-lock'
import * as openFileLock from '../../src/files/open-file-lock'
import { modeOf } from '../support/data-folder'
import { temporaryFolder } from '../support/executable'

const module = join(import.meta.dir, '../../src/files/file-lock.ts')

/** Starts another process that takes the lock and keeps it until it is killed. */
async function lockInAnotherProcess(path: string) {
  const script = `
    import { lockFile } from ${JSON.stringify(module)}
    // Kept: a lock that is garbage is closed, and with that released.
    globalThis.lock = lockFile(${JSON.stringify(path)})
    process.stdout.write(globalThis.lock === null ? 'held' : 'taken')
    setInterval(() => {}, 1000)
  `
  const holder = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' })
  const { value } = await holder.stdout.getReader().read()
  return {
    answer: new TextDecoder().decode(value),
    process: holder,
    [Symbol.dispose]: () => holder.kill('SIGKILL'),
  }
}

test('a lock file is created private', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'lock')
  lockFile(path)?.release()
  expect(modeOf(path)).toBe('600')
})

test('a lock is held against other processes until it is released', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'lock')
  const lock = lockFile(path)
  using refused = await lockInAnotherProcess(path)
  expect(refused.answer).toBe('held')
  lock?.release()
  using accepted = await lockInAnotherProcess(path)
  expect(accepted.answer).toBe('taken')
})

test('a lock is refused to the process that has it, which keeps it', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'lock')
  const lock = lockFile(path)
  expect(lockFile(path)).toBeNull()
  using refused = await lockInAnotherProcess(path)
  expect(refused.answer).toBe('held')
  lock?.release()
  const next = lockFile(path)
  expect(next).not.toBeNull()
  next?.release()
})

test('a lock file that can not be created is an error of the system', () => {
  using folder = temporaryFolder()
  using _ = spyOn(fs, 'openSync').mockImplementation(() => {
    throw new Error('EROFS: read-only file system')
  })
  expect(() => lockFile(join(folder.path, 'lock'))).toThrow('EROFS')
})

test('a lock that the file system refuses is not one of another process', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'lock')
  using other = await lockInAnotherProcess(path)
  expect(other.answer).toBe('taken')
  const refusal = `ENOLCK: the file system has no file locks, fcntl '${path}'`
  {
    using _ = spyOn(openFileLock, 'hasFileLocks').mockReturnValue(false)
    expect(() => lockFile(path)).toThrow(
      expect.objectContaining({ message: refusal, code: 'ENOLCK', syscall: 'fcntl', path }),
    )
  }
  expect(lockFile(path)).toBeNull()
})

test.each([
  ['SQLITE_IOERR_LOCK', true],
  ['SQLITE_IOERR_RDLOCK', true],
  ['SQLITE_IOERR_CHECKRESERVEDLOCK', true],
  ['SQLITE_IOERR_READ', false],
  [undefined, false],
])('SQLite tells that a file system has no locks, or something else: %p', (code, isRefusal) => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'lock')
  // What `instanceof SQLiteError` asks for.
  const error = Object.assign(new Error('disk I/O error'), { name: 'SQLiteError', code, errno: 10 })
  expect(error).toBeInstanceOf(SQLiteError)
  using _ = spyOn(Database.prototype, 'run').mockImplementation(() => {
    throw error
  })
  expect(() => lockFile(path)).toThrow(isRefusal ? 'ENOLCK' : 'disk I/O error')
})

test('a bug is no refusal of the file system', () => {
  using folder = temporaryFolder()
  using _ = spyOn(Database.prototype, 'run').mockImplementation(() => {
    throw Object.assign(new Error('a bug'), { code: 'SQLITE_IOERR_LOCK' })
  })
  expect(() => lockFile(join(folder.path, 'lock'))).toThrow('a bug')
})

test('the kernel releases the lock of a process that was killed', async () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'lock')
  using other = await lockInAnotherProcess(path)
  expect(other.answer).toBe('taken')
  expect(lockFile(path)).toBeNull()
  other.process.kill('SIGKILL')
  await other.process.exited
  const lock = lockFile(path)
  expect(lock).not.toBeNull()
  lock?.release()
})

test('a file that is not a lock file is an error, and stays as it is', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'lock')
  writeFileSync(path, 'something else '.repeat(100))
  const text = 'something else '.repeat(100)
  expect(() => lockFile(path)).toThrow('file is not a database')
  expect(readFileSync(path, 'utf8')).toBe(text)
})
