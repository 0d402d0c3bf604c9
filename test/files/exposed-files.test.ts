import { describe, expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { join } from 'node:path'
import {
  acquireFileLock,
  asDomainErrorAt,
  chownToFolderOwner,
  createFolder,
  listExposedFiles,
  restrictToOwner,
  setMode,
  tightenPermissions,
} from '../../src/files/data-folder'
import { freeSpace } from '../../src/files/free-space'
import { createDataFolder, modeOf } from '../support/data-folder'

const isRoot = process.getuid?.() === 0
const nobody = 65_534

/** A data folder with files of one mode. */
function createFiles(mode: number) {
  const folder = createDataFolder()
  fs.mkdirSync(join(folder.tls, '.stage-id'), { recursive: true, mode: 0o700 })
  const paths = [
    folder.secretKey,
    folder.newSecretKey,
    ...['.stage-id/ca.key', 'ca.crt', 'ca.key', 'leaf.pem', 'b.pem', 'key.txt'].map((name) =>
      join(folder.tls, name),
    ),
    folder.database,
  ]
  for (const path of paths) {
    fs.writeFileSync(path, '')
    fs.chmodSync(path, mode)
  }
  return folder
}

describe('what other users of the machine can open', () => {
  test.each([0o604, 0o640, 0o610, 0o601, 0o666])('is found with the mode %o', (mode) => {
    using folder = createFiles(mode)
    const names = [
      ...['secret.key', 'secret.key.new', 'tls/.stage-id/ca.key', 'tls/b.pem', 'tls/ca.key'],
      ...['tls/leaf.pem', 'snailpass.db'],
    ]
    expect(listExposedFiles(folder, [folder.database])).toEqual(
      names.map((name) => ({ path: join(folder.path, name), mode: '600' })),
    )
  })

  test('is nothing with the modes that this program sets, in a new folder and in a missing one', () => {
    using folder = createFiles(0o600)
    expect(listExposedFiles(folder, [folder.database])).toEqual([])
    fs.chmodSync(folder.path, 0o710)
    expect(listExposedFiles(folder, [])).toEqual([{ path: folder.path, mode: '700' }])
    using empty = createDataFolder()
    expect(listExposedFiles(empty, [empty.database])).toEqual([])
  })

  test('stays if the system refuses to change it, which the warning says', () => {
    using folder = createFiles(0o600)
    fs.chmodSync(folder.secretKey, 0o644)
    const refusal = Object.assign(new Error('EPERM'), { syscall: 'fchmod' })
    {
      using _ = spyOn(fs, 'fchmodSync').mockImplementation(() => {
        throw refusal
      })
      expect(tightenPermissions(folder, [])).toEqual([
        `${folder.secretKey} is readable by other users and its mode can't be changed: run chmod 600 ${folder.secretKey} as its owner`,
      ])
      expect(restrictToOwner(folder.secretKey, '600')).toBeFalse()
    }
    {
      using _ = spyOn(fs, 'fchmodSync').mockImplementation(() => {
        throw new TypeError('a bug')
      })
      expect(() => restrictToOwner(folder.secretKey, '600')).toThrow('a bug')
    }
    expect(modeOf(folder.secretKey)).toBe('644')
    expect(restrictToOwner(folder.secretKey, '400')).toBeTrue()
    expect(modeOf(folder.secretKey)).toBe('400')
  })
})

describe('the mode of a file', () => {
  test('is not changed through a link, which the warning says', () => {
    using folder = createFiles(0o600)
    const target = join(folder.path, 'elsewhere')
    fs.writeFileSync(target, '')
    fs.chmodSync(target, 0o644)
    for (const path of [folder.secretKey, join(folder.path, 'missing')]) {
      fs.rmSync(path, { force: true })
      fs.symlinkSync(target, path)
      expect(restrictToOwner(path, '600')).toBeFalse()
      expect(() => setMode(path, 0o600)).toThrow('ELOOP')
    }
    expect(tightenPermissions(folder, [])).toEqual([
      `${folder.secretKey} is readable by other users and its mode can't be changed: run chmod 600 ${folder.secretKey} as its owner`,
    ])
    expect(modeOf(target)).toBe('644')
  })

  test.skipIf(Bun.which('mkfifo') === null)('is changed without waiting for a pipe', () => {
    using folder = createDataFolder()
    const pipe = join(folder.path, 'pipe')
    Bun.spawnSync(['mkfifo', '-m', '644', pipe])
    expect(restrictToOwner(pipe, '600')).toBeTrue()
    expect(modeOf(pipe)).toBe('600')
  })
})

describe.skipIf(!isRoot)('what root creates in the folder of another user', () => {
  test('belongs to that user: folders and lock files, and a link instead of what it leads to', () => {
    using folder = createDataFolder()
    const target = join(folder.path, 'target')
    fs.writeFileSync(target, '')
    fs.chownSync(folder.path, nobody, nobody)
    createFolder(join(folder.path, 'a', 'b'))
    acquireFileLock(join(folder.path, 'server.lock'))?.release()
    fs.symlinkSync(target, join(folder.path, 'link'))
    chownToFolderOwner(join(folder.path, 'link'))
    const ownerOf = (name: string) => {
      const { uid, gid } = fs.lstatSync(join(folder.path, name))
      return [uid, gid]
    }
    expect(['a', 'a/b', 'server.lock', 'link', 'target'].map(ownerOf)).toEqual([
      ...Array(4).fill([nobody, nobody]),
      [0, 0],
    ])
    expect([modeOf(join(folder.path, 'a')), modeOf(join(folder.path, 'a/b'))]).toEqual([
      '700',
      '700',
    ])
  })

  test('stays with its owner if it was there before', () => {
    using folder = createDataFolder()
    const lock = join(folder.path, 'server.lock')
    acquireFileLock(lock)?.release()
    fs.chownSync(folder.path, nobody, nobody)
    acquireFileLock(lock)?.release()
    expect(fs.statSync(lock).uid).toBe(0)
    createFolder(folder.path)
    expect(fs.statSync(folder.path).uid).toBe(nobody)
  })
})

test('errors of the system name the path, and others pass unchanged', () => {
  const refusal = Object.assign(new Error('EACCES: permission denied'), { syscall: 'open' })
  expect(asDomainErrorAt('/data', refusal)).toMatchObject({
    code: 'unavailable',
    message: "/data can't be used: EACCES: permission denied",
    hint: 'check that snailpass may read and write there and that the disk has space, or choose another location with --data-dir or SNAILPASS_DATABASE_URL',
    cause: refusal,
  })
  for (const error of [new TypeError('x'), 'text', null])
    expect(asDomainErrorAt('/data', error)).toBe(error)
})

test('free space is what this user can still write, in bytes', () => {
  using _ = spyOn(fs, 'statfsSync').mockImplementation((() => ({
    ...{ bavail: 7, bfree: 9, blocks: 100, bsize: 4_096 },
  })) as never)
  expect(freeSpace('/data')).toBe(7 * 4_096)
})
