import { describe, expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import {
  type BackupDestination,
  backupFileName,
  createBackupFile,
  destinationAt,
  isDefaultBackupName,
  listBackupFiles,
  parseBackupTime,
  withUnencryptedDraft,
} from '../../src/backup/files'
import { acquireFileLock } from '../../src/files/data-folder'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'
import { recordFileOperations } from '../support/file-operations'

const time = Date.UTC(2026, 10, 24, 3, 15, 2, 987)
const defaultName = 'snailpass-20261124T031502Z.sqlite'
const neverWaits = () => Promise.reject(new Error('waited'))

describe('the name of a backup', () => {
  test.each([
    [{ before: null, isEncrypted: false }, defaultName],
    [{ before: null, isEncrypted: true }, `${defaultName}.age`],
    [{ before: 'restore', isEncrypted: false }, 'snailpass-before-restore-20261124T031502Z.sqlite'],
    [
      { before: 'user-delete', isEncrypted: true },
      'snailpass-before-user-delete-20261124T031502Z.sqlite.age',
    ],
  ])('has the time and the operation: %p is %p', (options, name) => {
    expect(backupFileName(() => time, options)).toBe(name)
    expect(parseBackupTime(name)).toBe(Date.UTC(2026, 10, 24, 3, 15, 2))
    expect(isDefaultBackupName(name)).toBe(options.before === null)
  })

  test.each([
    ['snailpass-20261124T031502Z-2.sqlite', true],
    ['snailpass-20261124T031502Z-12.sqlite.age', true],
    ['snailpass-20261124T031502Z-.sqlite', false],
    ['snailpass-20261124T031502Z.sqlite.partial', false],
    ['snailpass-2026-11-24T031502Z.sqlite', false],
    ['snailpass-20261124T0315Z.sqlite', false],
    ['snailpass-20261124T031502.sqlite', false],
    ['snailpass-20261124T031502Z.sqlite.gz', false],
    ['my-snailpass-20261124T031502Z.sqlite', false],
    ['snailpass.sqlite', false],
  ])('is a default one or not: %p %p', (name, isDefault) => {
    expect(isDefaultBackupName(name)).toBe(isDefault)
  })

  test.each([
    ['snailpass-2026-11-24T031502Z.sqlite', Date.UTC(2026, 10, 24, 3, 15, 2)],
    ['x-20261124T235959Z', Date.UTC(2026, 10, 24, 23, 59, 59)],
    ['snailpass-20261324T031502Z.sqlite', null],
    ['snailpass-20261124T245961Z.sqlite', null],
    ['snailpass-20261124T031502.sqlite', null],
    ['snailpass-20261124.sqlite', null],
    ['mine.sqlite', null],
  ])('has a time or none: %p %p', (name, parsed) => {
    expect(parseBackupTime(name)).toBe(parsed)
  })
})

test('a destination is a folder if it exists or ends in a slash, else a file', () => {
  using folder = temporaryFolder()
  const at = (name: string) => join(folder.path, name)
  mkdirSync(at('folder'))
  writeFileSync(at('file'), '')
  symlinkSync(at('folder'), at('link'))
  expect(destinationAt(at('folder'))).toEqual({
    folder: at('folder'),
    name: null,
    origin: 'option',
  })
  expect(destinationAt(at('link'))).toEqual({ folder: at('link'), name: null, origin: 'option' })
  expect(destinationAt(`${at('new')}/`)).toEqual({
    folder: at('new'),
    name: null,
    origin: 'option',
  })
  expect(destinationAt(at('new'))).toEqual({ folder: folder.path, name: 'new', origin: 'option' })
  expect(destinationAt(at('file'))).toEqual({ folder: folder.path, name: 'file', origin: 'option' })
})

test('the files of a folder are those of snailpass, by name', () => {
  using folder = temporaryFolder()
  expect(listBackupFiles(join(folder.path, 'missing'))).toEqual([])
  const ours = [
    'snailpass-1.sqlite',
    'snailpass-2.sqlite.age',
    'snailpass-3.sqlite.age.partial',
    'snailpass-4.sqlite.partial',
  ]
  const others = ['.snailpass.lock', 'mine.sqlite', 'snailpass-5.sqlite.gz', 'xsnailpass-1.sqlite']
  for (const name of [...ours.toReversed(), ...others]) writeFileSync(join(folder.path, name), '')
  expect(listBackupFiles(folder.path)).toEqual([
    { path: join(folder.path, 'snailpass-1.sqlite'), isPartial: false, isFile: true },
    { path: join(folder.path, 'snailpass-2.sqlite.age'), isPartial: false, isFile: true },
    { path: join(folder.path, 'snailpass-3.sqlite.age.partial'), isPartial: true, isFile: true },
    { path: join(folder.path, 'snailpass-4.sqlite.partial'), isPartial: true, isFile: true },
  ])
})

/** Creates a backup with a text in a folder. */
const create = (
  folder: string,
  {
    name = null,
    origin = 'default',
    wait = neverWaits,
    write = async (draft: string) => writeFileSync(draft, 'content'),
  }: {
    name?: string | null
    origin?: BackupDestination['origin']
    wait?: (milliseconds: number) => Promise<void>
    write?: (draft: string) => Promise<void>
  } = {},
) =>
  createBackupFile(
    { destination: { folder, name, origin }, defaultName: () => defaultName, wait },
    write,
  )

describe('creating a backup', () => {
  test('writes a draft that gets its name at the end, which is on the disk then', async () => {
    using folder = temporaryFolder()
    const target = join(folder.path, 'new', 'backups')
    using recording = recordFileOperations(target)
    let seen: readonly string[] = []
    const path = await create(target, {
      async write(draft) {
        seen = readdirSync(target)
        expect(draft).toBe(join(target, `${defaultName}.partial`))
        writeFileSync(draft, 'content')
      },
    })
    expect(path).toBe(join(target, defaultName))
    expect(seen).toEqual(['.snailpass.lock'])
    expect(new Set(readdirSync(target))).toEqual(new Set(['.snailpass.lock', defaultName]))
    expect(readFileSync(path, 'utf8')).toBe('content')
    expect(statSync(target).mode & 0o777).toBe(0o700)
    expect(recording.take()).toEqual([
      'create .',
      `rename ${defaultName}.partial to ${defaultName}`,
      'sync .',
    ])
    // The lock is free again.
    acquireFileLock(join(target, '.snailpass.lock'))?.release()
    expect(await create(target)).toBe(join(target, 'snailpass-20261124T031502Z-2.sqlite'))
    expect(await create(target)).toBe(join(target, 'snailpass-20261124T031502Z-3.sqlite'))
    expect(readFileSync(path, 'utf8')).toBe('content')
  })

  test('that fails leaves nothing, and lets the next one begin', async () => {
    using folder = temporaryFolder()
    const failure = new Error('half-way')
    const writing = create(folder.path, {
      async write(draft) {
        for (const side of ['', '-wal', '-shm', '-journal']) {
          writeFileSync(draft + side, 'half')
        }
        throw failure
      },
    })
    expect(await captureError(writing)).toBe(failure)
    expect(readdirSync(folder.path)).toEqual(['.snailpass.lock'])
    expect(await create(folder.path)).toBe(join(folder.path, defaultName))
  })

  test('creates a folder that an option names in one that exists, and none that the settings name', async () => {
    using folder = temporaryFolder()
    const at = (name: string) => join(folder.path, name)
    expect(await create(at('a'), { origin: 'option' })).toBe(join(at('a'), defaultName))
    for (const [path, origin, problem] of [
      [at('b/c'), 'option', `${at('b/c')} can't be created: ${at('b')} does not exist`],
      [at('b'), 'settings', `the backup folder ${at('b')} does not exist`],
      [at('b/c'), 'settings', `the backup folder ${at('b/c')} does not exist`],
    ] as const)
      expect(await captureError(create(path, { origin }))).toMatchObject({
        code: 'unavailable',
        message: problem,
        hint: expect.stringContaining('mount its disk'),
      })
    expect(readdirSync(folder.path)).toEqual(['a'])
    expect(await create(at('a'), { origin: 'settings' })).toBe(
      join(at('a'), 'snailpass-20261124T031502Z-2.sqlite'),
    )
  })

  test('works where the system refuses to sync a folder or to change an owner, unless the disk fails', async () => {
    using folder = temporaryFolder()
    const failWith = (code: string) =>
      spyOn(fs, 'fsyncSync').mockImplementation(() => {
        throw Object.assign(new Error(`${code}: it went wrong, fsync`), { code, syscall: 'fsync' })
      })
    for (const code of ['EINVAL', 'ENOTSUP', 'ENOSYS']) {
      const spy = failWith(code)
      expect(await create(folder.path, { name: code }).finally(() => spy.mockRestore())).toBe(
        join(folder.path, code),
      )
    }
    const spy = failWith('EIO')
    expect(await captureError(create(folder.path).finally(() => spy.mockRestore()))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('EIO'),
    })
  })

  test('removes no draft that is a folder, and writes beside it', async () => {
    using folder = temporaryFolder()
    mkdirSync(join(folder.path, 'snailpass-1.sqlite.partial'))
    expect(await create(folder.path)).toBe(join(folder.path, defaultName))
    expect(existsSync(join(folder.path, 'snailpass-1.sqlite.partial'))).toBeTrue()
  })

  test('never replaces a named file', async () => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'mine'), 'of somebody else')
    let hasWritten = false
    const writing = create(folder.path, {
      name: 'mine',
      async write() {
        hasWritten = true
      },
    })
    expect(await captureError(writing)).toMatchObject({
      code: 'conflict',
      message: `${join(folder.path, 'mine')} already exists`,
      hint: 'name another file, or a folder: the file name is chosen automatically then',
    })
    expect(hasWritten).toBeFalse()
    expect(readFileSync(join(folder.path, 'mine'), 'utf8')).toBe('of somebody else')
    expect(readdirSync(folder.path).sort()).toEqual(['.snailpass.lock', 'mine'])
    expect(await create(folder.path, { name: 'other' })).toBe(join(folder.path, 'other'))
  })

  test('removes the drafts of killed processes with their side files, and nothing else', async () => {
    using folder = temporaryFolder()
    const draft = 'snailpass-20260101T000000Z.sqlite.partial'
    const kept = ['mine.partial', 'snailpass-20260101T000000Z.sqlite']
    const left = [draft, `${draft}-wal`, `${draft}-shm`, `${draft}-journal`, `${draft}.lock`]
    for (const name of [...left, ...kept]) writeFileSync(join(folder.path, name), 'old')
    await create(folder.path)
    expect(new Set(readdirSync(folder.path))).toEqual(
      new Set(['.snailpass.lock', ...kept, defaultName]),
    )
  })

  test('waits a minute for another one in the same folder, and asks four times a second', async () => {
    using folder = temporaryFolder()
    const lock = acquireFileLock(join(folder.path, '.snailpass.lock'))
    const waits: number[] = []
    const wait = async (milliseconds: number) => void waits.push(milliseconds)
    expect(await captureError(create(folder.path, { wait }))).toMatchObject({
      code: 'conflict',
      message: `another backup to ${folder.path} is running`,
      hint: 'wait until it is complete, or use another folder with --to',
    })
    expect(waits).toEqual(Array.from({ length: 240 }, () => 250))
    expect(readdirSync(folder.path)).toEqual(['.snailpass.lock'])
    const released = async () => lock?.release()
    expect(await create(folder.path, { wait: released })).toBe(join(folder.path, defaultName))
  })

  test('to a folder that can not be created says why', async () => {
    using folder = temporaryFolder()
    const target = join(folder.path, 'file', 'below')
    writeFileSync(join(folder.path, 'file'), '')
    expect(await captureError(create(target))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`${target} can't be written: ENOTDIR`),
    })
  })
})

/** Whether a lock file could be locked. */
function isUnlocked(path: string): boolean {
  const lock = acquireFileLock(path)
  lock?.release()
  return lock !== null
}

describe('an unencrypted draft', () => {
  test('is in the given folder, locked while it is used, and removed afterwards', async () => {
    using folder = temporaryFolder()
    const data = join(folder.path, 'data')
    let draft = ''
    const result = await withUnencryptedDraft(data, async (path) => {
      draft = path
      expect(readdirSync(data)).toEqual([`${path.slice(data.length + 1)}.lock`])
      writeFileSync(path, 'secret')
      writeFileSync(`${path}-journal`, 'secret')
      return 5
    })
    expect(result).toBe(5)
    expect(draft).toMatch(/\/data\/snailpass-[0-9a-f-]{36}\.sqlite\.partial$/)
    expect(readdirSync(data)).toEqual([])
    expect(statSync(data).mode & 0o777).toBe(0o700)
    const failure = new Error('half-way')
    const failing = withUnencryptedDraft(data, async (path) => {
      writeFileSync(path, 'secret')
      throw failure
    })
    expect(await captureError(failing)).toBe(failure)
    expect(readdirSync(data)).toEqual([])
  })

  test('of a killed process is removed before, and one in use stays', async () => {
    using folder = temporaryFolder()
    const at = (name: string) => join(folder.path, name)
    const abandoned = 'snailpass-1.sqlite.partial'
    // The other process was killed before its draft existed.
    const onlyLock = 'snailpass-2.sqlite.partial.lock'
    for (const name of [abandoned, `${abandoned}-wal`, onlyLock, 'other.lock', 'snailpass.db']) {
      writeFileSync(at(name), '')
    }
    await withUnencryptedDraft(folder.path, async (used) => {
      writeFileSync(used, 'of the first')
      await Bun.sleep(0)
      expect(existsSync(at(abandoned))).toBeFalse()
      expect(existsSync(at(`${abandoned}.lock`))).toBeFalse()
      expect(existsSync(at(onlyLock))).toBeFalse()
      await withUnencryptedDraft(folder.path, async (other) => {
        expect(other).not.toBe(used)
        expect(readFileSync(used, 'utf8')).toBe('of the first')
      })
      expect(readFileSync(used, 'utf8')).toBe('of the first')
    })
    expect(readdirSync(folder.path).sort()).toEqual(['other.lock', 'snailpass.db'])
  })

  test('is removed also where open files can not be, as on Windows', async () => {
    using folder = temporaryFolder()
    // SQLite has the lock file open as long as it is locked.
    let locked = ''
    const { rmSync } = fs
    using _ = spyOn(fs, 'rmSync').mockImplementation((path, options) => {
      if (String(path) === locked && !isUnlocked(locked)) {
        throw Object.assign(new Error('EBUSY: resource busy or locked, unlink'), { code: 'EBUSY' })
      }
      rmSync(path, options)
    })
    await withUnencryptedDraft(folder.path, async (draft) => {
      locked = `${draft}.lock`
      writeFileSync(draft, 'secret')
    })
    expect(readdirSync(folder.path)).toEqual([])
  })

  test('is removed when the process exits during the work', async () => {
    using folder = temporaryFolder()
    const before = new Set(process.listeners('exit'))
    await withUnencryptedDraft(folder.path, async (draft) => {
      writeFileSync(draft, 'secret')
      const added = process.listeners('exit').filter((listener) => !before.has(listener))
      expect(added).toHaveLength(1)
      for (const listener of added) Reflect.apply(listener, process, [0])
      expect(readdirSync(folder.path)).toEqual([])
    })
    expect(process.listeners('exit').filter((listener) => !before.has(listener))).toEqual([])
  })
})
