import { describe, expect, test } from 'bun:test'
import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { takeOverDataFolder } from '../../src/service/data-folder-owner'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'

const user = { uid: 65_534, gid: 65_533, home: '/', groups: [] }
const owner = { name: 'nobody', user }

/** Creates a data folder as the first `snailpass serve` of root does, with a file of root beside it. */
function createFolder() {
  const folder = temporaryFolder()
  const path = join(folder.path, 'data')
  const outside = join(folder.path, 'outside')
  writeFileSync(outside, '')
  mkdirSync(join(path, 'tls', 'stage'), { recursive: true })
  mkdirSync(join(path, 'backups'))
  chmodSync(path, 0o700)
  for (const name of [
    'snailpass.db',
    'snailpass.db-wal',
    'secret.key',
    'server.lock',
    'server.json',
    'tls/ca.key',
  ])
    writeFileSync(join(path, name), '')
  symlinkSync(outside, join(path, 'backups', 'link'))
  return {
    path,
    outside,
    /** Every path in the folder, and itself, with its owner. */
    owners: () =>
      Object.fromEntries(
        ['', ...readdirSync(path, { recursive: true, encoding: 'utf8' })].map((name) => {
          const { uid, gid } = lstatSync(join(path, name))
          return [name, `${uid}:${gid}`]
        }),
      ),
    [Symbol.dispose]: folder[Symbol.dispose],
  }
}

// Only root can give files away.
describe.skipIf(process.getuid?.() !== 0)('a data folder of root', () => {
  test('is given away with all that it contains, and nothing outside of it', () => {
    using it = createFolder()
    expect(takeOverDataFolder(it.path, owner)).toBeTrue()
    expect(new Set(Object.values(it.owners()))).toEqual(new Set(['65534:65533']))
    expect(Object.keys(it.owners())).toHaveLength(11)
    expect(lstatSync(it.outside).uid).toBe(0)
    expect(takeOverDataFolder(it.path, owner)).toBeFalse()
  })

  test('is given away by a link to it as well, and when it is empty', () => {
    using it = createFolder()
    const link = `${it.outside}-link`
    symlinkSync(it.path, link)
    expect(takeOverDataFolder(link, owner)).toBeTrue()
    expect(it.owners()['']).toBe('65534:65533')
    expect(lstatSync(link).uid).toBe(0)
    const empty = `${it.outside}-empty`
    mkdirSync(empty)
    expect(takeOverDataFolder(empty, owner)).toBeTrue()
    expect(lstatSync(empty).uid).toBe(65_534)
  })

  test.each(['notes.txt', '.bashrc', 'etc', 'tls2', 'my-snailpass', 'backups.old'])(
    'stays as it is if it contains something else: %s',
    async (name) => {
      using it = createFolder()
      writeFileSync(join(it.path, name), '')
      expect(
        await captureError(Promise.try(() => takeOverDataFolder(it.path, owner))),
      ).toMatchObject({
        code: 'conflict',
        message: `the data folder ${it.path} belongs to root and contains ${name}, which is not of snailpass`,
        hint: `move it away; or, if the service may own everything there: chown -R nobody: ${it.path}`,
      })
      expect(new Set(Object.values(it.owners()))).toEqual(new Set(['0:0']))
    },
  )

  test.each([0o770, 0o777, 0o1777])('stays as it is if others may change it: %o', async (mode) => {
    using it = createFolder()
    chmodSync(it.path, mode)
    expect(await captureError(Promise.try(() => takeOverDataFolder(it.path, owner)))).toMatchObject(
      {
        code: 'conflict',
        hint: `check its content; then: chmod 700 ${it.path}`,
      },
    )
    expect(new Set(Object.values(it.owners()))).toEqual(new Set(['0:0']))
  })

  test('that another user has is left to that user, with files of root in it', () => {
    using it = createFolder()
    lchownSync(it.path, 12_345, 12_345)
    expect(takeOverDataFolder(it.path, owner)).toBeFalse()
    expect(it.owners()['secret.key']).toBe('0:0')
  })
})

test('a folder that does not exist, and what is none, belongs to nobody', () => {
  using folder = temporaryFolder()
  expect(takeOverDataFolder(join(folder.path, 'missing'), owner)).toBeFalse()
  writeFileSync(join(folder.path, 'file'), '')
  expect(takeOverDataFolder(join(folder.path, 'file'), owner)).toBeFalse()
})
