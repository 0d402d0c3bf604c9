import { describe, expect, test } from 'bun:test'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encryptionOf } from '../../src/backup/encryption'
import { ifSupported, requireRegularFile } from '../../src/backup/file-systems'
import { withBackup } from '../../src/backup/verify'
import { captureError } from '../support/capture-error'
import { temporaryFolder } from '../support/executable'

const systemError = (code: string) =>
  Object.assign(new Error(`${code}: it went wrong`), { code, syscall: 'fsync' })
const throwing = (error: Error) => () =>
  ifSupported(() => {
    throw error
  })

describe('work that a file system need not support', () => {
  test.each(['EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EBADF', 'ENOLCK'])(
    'may be refused with %s',
    (code) => {
      expect(throwing(systemError(code))).not.toThrow()
    },
  )

  test.each(['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'ENOENT', 'EMFILE'])(
    'must not fail with %s',
    (code) => {
      expect(throwing(systemError(code))).toThrow(code)
    },
  )

  test('must not fail with a bug', () => {
    expect(throwing(new TypeError('x'))).toThrow('x')
    expect(throwing(Object.assign(new Error('x'), { code: 'EPERM' }))).toThrow('x')
  })
})

/** What is no regular file, and how an error names it. */
const kinds: [name: string, create: (path: string) => unknown, message: string][] = [
  ['folder', mkdirSync, 'is a folder, not a backup'],
  ['pipe', (path) => Bun.spawnSync(['mkfifo', path]), 'is a named pipe, not a backup'],
  ['device', (path) => symlinkSync('/dev/zero', path), 'is a device, not a backup'],
  ['dangling', (path) => symlinkSync('/nonexistent/x', path), 'is a link to a file that does not'],
  [
    'socket',
    (path) => Bun.listen({ unix: path, socket: { data() {} } }).unref(),
    'is a socket, not a backup',
  ],
]

describe.skipIf(process.platform === 'win32')('a path that is named as a backup', () => {
  test.each(kinds)('is not opened if it is a %s', async (name, create, message) => {
    using folder = temporaryFolder()
    const path = join(folder.path, name)
    create(path)
    expect(() => requireRegularFile(path)).toThrow(`${path} ${message}`)
    expect(() => encryptionOf(path)).toThrow(`${path} ${message}`)
    expect(await captureError(withBackup(path, () => Promise.resolve()))).toMatchObject({
      code: name === 'dangling' ? 'not_found' : 'unavailable',
      message: expect.stringContaining(`${path} ${message}`),
      hint: expect.stringContaining('snailpass backup list'),
    })
  })

  test('is opened if it is a file or a link to one', () => {
    using folder = temporaryFolder()
    const [file, link] = [join(folder.path, 'file'), join(folder.path, 'link')]
    writeFileSync(file, '')
    symlinkSync(file, link)
    for (const path of [file, link]) expect(() => requireRegularFile(path)).not.toThrow()
    expect(() => requireRegularFile(join(folder.path, 'missing'))).toThrow('ENOENT')
  })
})
