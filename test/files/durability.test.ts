import { describe, expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { join } from 'node:path'
import {
  createAtomic,
  removeDurably,
  replaceAtomic,
  writeAtomic,
} from '../../src/files/atomic-file'
import { createFolder } from '../../src/files/data-folder'
import { replaceByStage, replaceFiles, stageFiles } from '../../src/files/file-replacement'
import {
  createSecretKey,
  removeNewSecretKey,
  useNewSecretKey,
  writeNewSecretKey,
} from '../../src/files/secret-key'
import { createDataFolder, modeOf } from '../support/data-folder'
import { temporaryFolder } from '../support/executable'
import { recordFileOperations } from '../support/file-operations'
import { listOpenFiles } from '../support/open-files'
import { random } from '../support/timing'

/** The operations that put a new file in place: its content is on the disk before its name, and the name when it returns. */
const written = (name: string, folder = '.') => [
  `sync ${name}.PID.new`,
  `rename ${name}.PID.new to ${name}`,
  `sync ${folder}`,
]

/** Makes the system refuse hard links, as FAT does. */
function refuseLinks() {
  return spyOn(fs, 'linkSync').mockImplementation(() => {
    throw Object.assign(new Error('EPERM: operation not permitted, link'), { syscall: 'link' })
  })
}

describe('what survives a power cut once the call returns', () => {
  test('a file that is written, with its name', () => {
    using folder = temporaryFolder()
    using recording = recordFileOperations(folder.path)
    writeAtomic(join(folder.path, 'file'), 'one')
    expect(recording.take()).toEqual(written('file'))
    writeAtomic(join(folder.path, 'file'), 'two')
    expect(recording.take()).toEqual(written('file'))
  })

  test('a file that is moved into place', () => {
    using folder = temporaryFolder()
    fs.writeFileSync(join(folder.path, 'draft'), 'new')
    using recording = recordFileOperations(folder.path)
    replaceAtomic(join(folder.path, 'draft'), join(folder.path, 'file'))
    expect(recording.take()).toEqual(['rename draft to file', 'sync .'])
  })

  test('a removal, which has nothing to do for a missing file', () => {
    using folder = temporaryFolder()
    fs.writeFileSync(join(folder.path, 'file'), '')
    using recording = recordFileOperations(folder.path)
    removeDurably(join(folder.path, 'file'))
    expect(recording.take()).toEqual(['remove file', 'sync .'])
    removeDurably(join(folder.path, 'file'))
    expect(recording.take()).toEqual([])
  })

  test('a file that is created, and none beside one that exists', () => {
    using folder = temporaryFolder()
    using recording = recordFileOperations(folder.path)
    expect(createAtomic(join(folder.path, 'file'), 'one')).toBeTrue()
    expect(recording.take()).toEqual([
      'sync file.PID.new',
      'link file.PID.new to file',
      'remove file.PID.new',
      'sync .',
    ])
    expect(createAtomic(join(folder.path, 'file'), 'two')).toBeFalse()
    expect(recording.take()).toEqual(['sync file.PID.new', 'remove file.PID.new'])
  })

  test('a file that is created where there are no hard links', () => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'file')
    using recording = recordFileOperations(folder.path)
    using _ = refuseLinks()
    expect(createAtomic(path, 'one')).toBeTrue()
    expect(recording.take()).toEqual([
      'sync file.PID.new',
      'copy file.PID.new to file',
      'sync file',
      'remove file.PID.new',
      'sync .',
    ])
    expect({ text: fs.readFileSync(path, 'utf8'), mode: modeOf(path) }).toEqual({
      text: 'one',
      mode: '600',
    })
    expect(createAtomic(path, 'two')).toBeFalse()
    expect(fs.readFileSync(path, 'utf8')).toBe('one')
  })

  test('files that belong together: all of them before the first one is replaced', () => {
    using folder = temporaryFolder()
    for (const name of ['ca.key', 'ca.crt', 'leaf.pem'])
      fs.writeFileSync(join(folder.path, name), '')
    const files = [
      { name: 'ca.key', text: 'new key' },
      { name: 'ca.crt', text: 'new certificate' },
      { name: 'leaf.pem', text: null },
    ]
    const written = (stage: string) => [
      `create ${stage}`,
      'sync .',
      ...files.map(({ name }) => `sync ${stage}/${name}`),
      `sync ${stage}`,
      'sync .',
    ]
    const replaced = (stage: string) => [
      `rename ${stage} to .replacement`,
      'sync .',
      'remove ca.crt',
      'remove leaf.pem',
      'sync .',
      'rename .replacement/ca.key to ca.key',
      'sync .',
      'rename .replacement/ca.crt to ca.crt',
      'remove .replacement/leaf.pem',
      'sync .',
      // After the removal of the stage.
      'sync .',
    ]
    using recording = recordFileOperations(folder.path)
    replaceFiles(folder.path, files)
    expect(recording.take()).toEqual([...written('.draft'), ...replaced('.draft')])
    fs.writeFileSync(join(folder.path, 'leaf.pem'), '')
    stageFiles(folder.path, 'id', files)
    expect(recording.take()).toEqual(written('.stage-id'))
    replaceByStage(folder.path, 'id')
    expect(recording.take()).toEqual(replaced('.stage-id'))
  })

  test('a folder that is created, with every folder above it that was missing', () => {
    using folder = temporaryFolder()
    using recording = recordFileOperations(folder.path)
    createFolder(join(folder.path, 'a', 'b'))
    expect(recording.take()).toEqual(['create a', 'sync .', 'create a/b', 'sync a'])
    createFolder(join(folder.path, 'a', 'b'))
    expect(recording.take()).toEqual([])
  })

  test('a secret key, a new one and one in place of another', () => {
    using folder = createDataFolder()
    using recording = recordFileOperations(folder.path)
    createSecretKey(folder, random)
    expect(recording.take()).toEqual([
      'sync secret.key.PID.new',
      'link secret.key.PID.new to secret.key',
      'remove secret.key.PID.new',
      'sync .',
    ])
    writeNewSecretKey(folder, random(32))
    expect(recording.take()).toEqual(['sync secret.key.new', 'sync .'])
    useNewSecretKey(folder)
    expect(recording.take()).toEqual(['rename secret.key.new to secret.key', 'sync .'])
    writeNewSecretKey(folder, random(32))
    recording.take()
    removeNewSecretKey(folder)
    expect(recording.take()).toEqual(['remove secret.key.new', 'sync .'])
  })
})

test('a file is synced with its whole content and its mode', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'file')
  const { fsyncSync } = fs
  const synced: unknown[] = []
  using _ = spyOn(fs, 'fsyncSync').mockImplementation((descriptor) => {
    const file = fs.fstatSync(descriptor)
    if (file.isFile()) synced.push({ size: file.size, mode: (file.mode & 0o777).toString(8) })
    fsyncSync(descriptor)
  })
  const umask = process.umask(0o077)
  try {
    writeAtomic(path, 'content', { mode: 0o644 })
  } finally {
    process.umask(umask)
  }
  expect(synced).toEqual([{ size: 7, mode: '644' }])
})

test.skipIf(process.platform !== 'linux')(
  'no file stays open after a write, also after a failed one',
  () => {
    using folder = createDataFolder()
    const path = join(folder.path, 'file')
    for (let round = 0; round < 5; round++) {
      writeAtomic(path, 'text')
      createAtomic(join(folder.path, `file${round}`), 'text')
      removeDurably(join(folder.path, `file${round}`))
      writeNewSecretKey(folder, random(32))
      replaceFiles(folder.path, [{ name: 'ca.key', text: 'text' }])
    }
    {
      using _ = spyOn(fs, 'fsyncSync').mockImplementation(() => {
        throw new Error('EIO')
      })
      expect(() => writeAtomic(path, 'text')).toThrow('EIO')
    }
    expect(listOpenFiles(folder.path)).toEqual([])
  },
)

test('a file that can be created in no way is an error, and leaves no draft', () => {
  using folder = temporaryFolder()
  using _ = refuseLinks()
  using _copy = spyOn(fs, 'copyFileSync').mockImplementation(() => {
    throw new Error('EIO: i/o error, copyfile')
  })
  expect(() => createAtomic(join(folder.path, 'file'), 'new')).toThrow('EIO: i/o error, copyfile')
  expect(fs.readdirSync(folder.path)).toEqual([])
})

test('a write to a missing folder fails with the error of the system', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'missing', 'file')
  expect(() => writeAtomic(path, 'new')).toThrow(
    expect.objectContaining({ code: 'ENOENT', syscall: 'open' }),
  )
})

test.skipIf(process.getuid?.() !== 0)(
  'a file that root creates where there are no hard links belongs to the owner of the folder',
  () => {
    using folder = temporaryFolder()
    const nobody = 65_534
    fs.chownSync(folder.path, nobody, nobody)
    using _ = refuseLinks()
    createAtomic(join(folder.path, 'file'), 'new')
    expect(fs.statSync(join(folder.path, 'file'))).toMatchObject({ uid: nobody, gid: nobody })
  },
)

test('a write whose sync fails is an error, and leaves the old file and no draft', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'file')
  fs.writeFileSync(path, 'old')
  using _ = spyOn(fs, 'fsyncSync').mockImplementation(() => {
    throw Object.assign(new Error('EIO: i/o error, fsync'), { syscall: 'fsync' })
  })
  expect(() => writeAtomic(path, 'new')).toThrow('EIO')
  expect(() => createAtomic(join(folder.path, 'other'), 'new')).toThrow('EIO')
  expect(fs.readdirSync(folder.path)).toEqual(['file'])
  expect(fs.readFileSync(path, 'utf8')).toBe('old')
})
