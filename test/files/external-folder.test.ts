import { describe, expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import * as fsPromises from 'node:fs/promises'
import { join } from 'node:path'
import { createExternalFolder, findFolderProblem } from '../../src/files/external-folder'
import { findOtherWriters } from '../../src/files/folder-writers'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'

/** A folder with one entry of each kind. */
function createKinds() {
  const folder = temporaryFolder()
  const at = (name: string) => join(folder.path, name)
  mkdirSync(at('folder'))
  mkdirSync(at("the owner's"))
  writeFileSync(at('file'), '')
  symlinkSync(at('folder'), at('link'))
  symlinkSync(at('nowhere'), at('dangling'))
  return { at, [Symbol.dispose]: folder[Symbol.dispose] }
}

describe('a folder outside of the data folder', () => {
  test('can be used if it is a folder, or a link to one', async () => {
    using kinds = createKinds()
    for (const name of ['folder', 'link', "the owner's"])
      expect(await findFolderProblem(kinds.at(name)), name).toBeNull()
  })

  test.each([
    ['missing', { text: 'does not exist', isMissing: true as const }],
    ['file', { text: 'is not a folder' }],
    ['dangling', { text: 'is a link to a folder that does not exist' }],
    ['file/below', { text: 'does not exist', isMissing: true as const }],
    ['missing/deep', { text: 'does not exist', isMissing: true as const }],
  ])('can not be used otherwise: %s', async (name, expected) => {
    using kinds = createKinds()
    expect(await findFolderProblem(kinds.at(name))).toEqual({
      ...expected,
      hint: expect.stringContaining('mount its disk'),
    })
  })

  test('can not be used if the system refuses it, for whatever reason', async () => {
    using kinds = createKinds()
    symlinkSync(kinds.at('itself'), kinds.at('itself'))
    // Only of a read-only disk is it said that the service may be the reason.
    expect(await findFolderProblem(kinds.at('itself'))).toEqual({
      text: expect.stringMatching(/^can't be used: ELOOP[^)]*$/),
      hint: 'check that its disk is mounted and that snailpass may write there',
    })
  })

  test('can not be used if this user may not write there', async () => {
    using kinds = createKinds()
    const refusal = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
    const modes: unknown[] = []
    using _ = spyOn(fsPromises, 'access').mockImplementation((_path, mode) => {
      modes.push(mode)
      return Promise.reject(refusal)
    })
    expect(await findFolderProblem(kinds.at('folder'))).toEqual({
      text: "can't be used: EACCES: permission denied",
      hint: 'check that its disk is mounted and that snailpass may write there',
    })
    const { R_OK, W_OK, X_OK } = fs.constants
    expect(modes).toEqual([R_OK | W_OK | X_OK])
  })

  test('is created, private, in a folder that exists', async () => {
    using kinds = createKinds()
    expect(await createExternalFolder(kinds.at('new'))).toBeTrue()
    expect(statSync(kinds.at('new')).mode & 0o777).toBe(0o700)
    expect(await createExternalFolder(kinds.at('link/new'))).toBeTrue()
    expect(existsSync(kinds.at('folder/new'))).toBeTrue()
    chmodSync(kinds.at('folder'), 0o755)
    expect(await createExternalFolder(kinds.at('folder'))).toBeFalse()
    expect(statSync(kinds.at('folder')).mode & 0o777).toBe(0o755)
  })

  test.each(['missing/new', 'dangling/new', 'file/new'])(
    'is not created where its parent is missing: %s',
    async (name) => {
      using kinds = createKinds()
      const parent = kinds.at(name.slice(0, -'/new'.length))
      expect(await captureError(createExternalFolder(kinds.at(name)))).toMatchObject(
        name.startsWith('file')
          ? { code: 'ENOTDIR' }
          : {
              code: 'unavailable',
              message: `${kinds.at(name)} can't be created: ${parent} does not exist`,
            },
      )
      expect(existsSync(kinds.at(name))).toBeFalse()
    },
  )
})

describe.skipIf(process.platform !== 'linux')('a folder for disks', () => {
  /** Has a folder seem to lie at `place`, on a machine with these mount points. */
  function pretend(folder: string, place: string, mounts: readonly string[]) {
    const { readFileSync } = fs
    const { readdir } = fsPromises
    const lines = ['/', '/proc', ...mounts].map(
      (path) => `1 0 8:1 / ${path.replaceAll(' ', String.raw`\040`)} rw - ext4 /dev/x rw`,
    )
    const stack = new DisposableStack()
    stack.use(
      spyOn(fsPromises, 'realpath').mockImplementation(((path: string) =>
        Promise.resolve(path === folder ? place : path)) as never),
    )
    stack.use(
      spyOn(fsPromises, 'readdir').mockImplementation(((path: string) =>
        readdir(path === place ? folder : path)) as never),
    )
    stack.use(
      spyOn(fs, 'readFileSync').mockImplementation(((path: string, encoding: BufferEncoding) =>
        path === '/proc/self/mountinfo'
          ? lines.join('\n')
          : readFileSync(path, encoding)) as never),
    )
    return stack
  }

  test.each([
    ['/mnt/disk', [], true],
    ['/mnt/disk', ['/mnt/disk'], false],
    ['/mnt/my disk', ['/mnt/my disk'], false],
    // Another disk at the folder for disks itself.
    ['/mnt/disk', ['/mnt'], true],
    ['/media/disk', [], true],
    ['/media/me/disk', [], true],
    ['/media/me/disk', ['/media/me/disk'], false],
    ['/run/media/me/disk', [], true],
    ['/run/media/disk', [], true],
    // A folder on a mounted disk.
    ['/media/disk/backups', ['/media/disk'], false],
    ['/run/media/me/disk', ['/run/media/me'], false],
    ['/mnt/disk/backups', [], false],
    ['/srv/disk', [], false],
    ['/mnt', [], false],
  ])('is unmounted at %s with the mount points %p: %p', async (place, mounts, isUnmounted) => {
    using folder = temporaryFolder()
    using _ = pretend(folder.path, place, mounts)
    const problem = {
      text: 'is empty, and no disk is mounted there',
      hint: `mount the disk; or, to use the disk of the system, create a folder in it: mkdir ${folder.path}/backups`,
    }
    expect(await findFolderProblem(folder.path)).toEqual(isUnmounted ? problem : null)
    const path = join(folder.path, 'new')
    if (isUnmounted) {
      expect(await captureError(createExternalFolder(path))).toMatchObject({
        ...{ code: 'unavailable', hint: problem.hint },
        message: `${path} can't be created: ${folder.path} ${problem.text}`,
      })
    } else expect(await createExternalFolder(path)).toBeTrue()
    expect(existsSync(path)).toBe(!isUnmounted)
  })

  test('is used on the disk of the system if something is in it', async () => {
    using folder = temporaryFolder()
    mkdirSync(join(folder.path, 'backups'))
    using _ = pretend(folder.path, '/mnt/disk', [])
    expect(await findFolderProblem(folder.path)).toBeNull()
    expect(await createExternalFolder(join(folder.path, 'new'))).toBeTrue()
  })
})

describe.skipIf(process.platform === 'win32')('the other users who can write to a folder', () => {
  test.each([
    [0o700, null],
    [0o755, null],
    [0o770, /^the group \d+ can write there$/],
    [0o720, /^the group \d+ can write there$/],
    [0o702, /^all users can write there$/],
    [0o1777, /^all users can write there$/],
  ])('are found by its mode %o', async (mode, expected) => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'backups')
    mkdirSync(path)
    chmodSync(path, mode)
    const found = await findOtherWriters(path, folder.path)
    if (expected === null) expect(found).toBeNull()
    else expect(found).toMatch(expected)
  })

  test('are none of a folder that is missing', async () => {
    expect(await findOtherWriters('/nonexistent/backups', '/nonexistent')).toBeNull()
  })

  test.skipIf(process.getuid?.() !== 0)(
    'are its owner, unless that is root or the owner of the data folder',
    async () => {
      using folder = temporaryFolder()
      const [data, backups] = [join(folder.path, 'data'), join(folder.path, 'backups')]
      const chown = (path: string, user: number) =>
        expect(Bun.spawnSync(['chown', String(user), path]).success).toBeTrue()
      for (const path of [data, backups]) mkdirSync(path, { mode: 0o700 })
      chown(data, 54_321)
      expect(await findOtherWriters(backups, data)).toBeNull()
      chown(backups, 54_321)
      expect(await findOtherWriters(backups, data)).toBeNull()
      chown(backups, 54_322)
      expect(await findOtherWriters(backups, data)).toBe('it belongs to the user 54322')
    },
  )
})
