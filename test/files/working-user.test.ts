import { describe, expect, spyOn, test } from 'bun:test'
import {
  chownSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  asCaller,
  asCallerDuring,
  asCallerOutside,
  workAsOwnerOf,
} from '../../src/files/working-user'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'

const isRoot = process.getuid?.() === 0
const other = 12_345
const rights = () => ({
  user: process.geteuid?.(),
  group: process.getegid?.(),
  groups: process.getgroups?.(),
})
const asRoot = rights()
const asOther = { user: other, group: other, groups: [other] }

/** A folder that belongs to another user, beside a file that only root can read. */
function createFolders() {
  const base = temporaryFolder()
  const [folder, secret] = [join(base.path, 'data'), join(base.path, 'secret')]
  mkdirSync(folder, { mode: 0o700 })
  Bun.spawnSync(['chmod', '755', base.path])
  chownSync(folder, other, other)
  writeFileSync(secret, 'of root', { mode: 0o600 })
  return { base: base.path, folder, secret, [Symbol.dispose]: base[Symbol.dispose] }
}

/** Runs work as the owner of a folder, and returns to root in any case. */
async function working<T>(
  folder: string,
  work: () => T | Promise<T>,
  places: readonly string[] = [],
): Promise<T> {
  const end = workAsOwnerOf(folder, places)
  try {
    return await work()
  } finally {
    end()
    expect(rights()).toEqual(asRoot)
  }
}

describe.skipIf(!isRoot)('root in the data folder of another user', () => {
  test('has the rights of that user alone, in all threads', async () => {
    using folders = createFolders()
    await working(folders.folder, async () => {
      expect(rights()).toEqual(asOther)
      expect(() => readFileSync(folders.secret)).toThrow('EACCES')
      expect(await captureError(readFile(folders.secret))).toMatchObject({ code: 'EACCES' })
      writeFileSync(join(folders.folder, 'new'), '')
    })
    const { uid, gid } = statSync(join(folders.folder, 'new'))
    expect({ uid, gid }).toEqual({ uid: other, gid: other })
  })

  test('has the rights of root for what is named elsewhere, and not beyond that', async () => {
    using folders = createFolders()
    const inside = join(folders.folder, 'link')
    symlinkSync(folders.secret, inside)
    const read = (path: string) => readFileSync(path, 'utf8')
    await working(folders.folder, async () => {
      expect(asCallerOutside(folders.secret, () => read(folders.secret))).toBe('of root')
      expect(rights()).toEqual(asOther)
      expect(() => asCallerOutside(inside, () => read(inside))).toThrow('EACCES')
      const around = join(folders.folder, '..', 'secret')
      expect(asCallerOutside(around, () => read(around))).toBe('of root')
      expect(await asCallerDuring(() => readFile(folders.secret, 'utf8'))).toBe('of root')
      expect(() => asCaller(() => read(join(folders.base, 'missing')))).toThrow('ENOENT')
      expect(rights()).toEqual(asOther)
      const { promise, resolve } = Promise.withResolvers<void>()
      const slow = asCallerDuring(() => promise)
      asCaller(() => expect(rights()).toEqual(asRoot))
      expect(rights()).toEqual(asRoot)
      resolve()
      await slow
      expect(rights()).toEqual(asOther)
    })
  })

  test('does not get the rights of the group of root', async () => {
    using folders = createFolders()
    chownSync(folders.folder, other, 0)
    await working(folders.folder, () => {
      expect(rights()).toEqual({ user: other, group: 65_534, groups: [65_534] })
    })
    // A user with an entry has the group of the entry.
    chownSync(folders.folder, 65_534, 0)
    await working(folders.folder, () => expect(rights().user).toBe(65_534))
  })

  test('works as the owner of the folder above one that does not exist yet', async () => {
    using folders = createFolders()
    await working(join(folders.folder, 'a', 'b'), () => expect(rights()).toEqual(asOther))
  })

  test('works as the owner of a link that leads to the folder, or to a part of the way', async () => {
    using folders = createFolders()
    const own = join(folders.base, 'of-root')
    mkdirSync(own)
    symlinkSync(own, join(folders.folder, 'vault'))
    symlinkSync(folders.folder, join(folders.base, 'link-of-root'))
    symlinkSync('vault', join(folders.folder, 'relative'))
    for (const name of ['vault', 'relative']) lchownSync(join(folders.folder, name), other, other)
    for (const path of ['data/vault', 'data/vault/deeper', 'data/relative', 'link-of-root/vault']) {
      await working(join(folders.base, path), () => expect(rights(), path).toEqual(asOther))
    }
    await working(own, () => expect(rights()).toEqual(asRoot))
    symlinkSync('loop', join(folders.base, 'loop'))
    for (const path of ['loop', 'secret/below-a-file']) {
      await working(join(folders.base, path), () => expect(rights()).toEqual(asRoot))
    }
  })

  test('stays root if it also writes to what belongs to anyone else', async () => {
    using folders = createFolders()
    const third = join(folders.base, 'third')
    mkdirSync(third)
    chownSync(third, other + 1, other)
    for (const place of [folders.base, third, join(third, 'x'), folders.secret]) {
      await working(folders.folder, () => expect(rights()).toEqual(asRoot), [place])
    }
    const same = join(folders.base, 'same')
    mkdirSync(same)
    chownSync(same, other, other)
    const places = [same, join(same, 'x.db'), join(folders.folder, 'backups')]
    await working(folders.folder, () => expect(rights()).toEqual(asOther), places)
  })

  describe.each(['setgroups', 'setegid', 'seteuid'] as const)('where %s is refused', (name) => {
    /** As the system does without CAP_SETGID or CAP_SETUID: only what the process has already may be set. */
    function refusing() {
      const set = process[name]?.bind(process) as (value: unknown) => void
      return spyOn(process, name).mockImplementation((value: unknown) => {
        if (name === 'setgroups' || value !== 0) throw new Error('EPERM')
        set(value)
      })
    }

    test('stays root', async () => {
      using folders = createFolders()
      using _ = refusing()
      await working(folders.folder, () => expect(rights()).toEqual(asRoot))
    })

    test('refuses a folder with links that others have put there, or on the way to it', async () => {
      using folders = createFolders()
      const inner = join(folders.folder, 'tls')
      mkdirSync(inner)
      symlinkSync(folders.secret, join(inner, 'of-root'))
      using _ = refusing()
      await working(folders.folder, () => expect(rights()).toEqual(asRoot))
      const link = join(inner, 'leaf.pem')
      symlinkSync(folders.secret, link)
      lchownSync(link, other, other)
      const way = join(folders.base, 'way')
      symlinkSync(folders.folder, way)
      lchownSync(way, other, other)
      for (const [folder, shown] of [
        [folders.folder, link],
        [way, way],
        [join(way, 'data'), join(way, 'data')],
      ] as const) {
        expect(await captureError(working(folder, () => {}))).toMatchObject({
          code: 'forbidden',
          message: `${shown} goes through a link of a user other than root`,
          hint: expect.stringContaining(`user with the id ${other}`),
        })
        expect(rights()).toEqual(asRoot)
      }
    })
  })
})

test('anyone else, and root in its own folder, keeps the rights of the caller', async () => {
  using base = temporaryFolder()
  await working(base.path, () => {
    expect(rights()).toEqual(asRoot)
    expect(asCaller(() => 1)).toBe(1)
    expect(asCallerOutside('/', () => 2)).toBe(2)
  })
})
