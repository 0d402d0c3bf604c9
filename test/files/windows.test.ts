import { describe, expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { createAtomic, removeDurably, writeAtomic } from '../../src/files/atomic-file'
import { createFolder } from '../../src/files/data-folder'
import { retryWhileOpen } from '../../src/files/open-elsewhere'
import { syncFile, syncFolder } from '../../src/files/sync'
import { temporaryFolder } from '../support/executable'
import { recordFileOperations } from '../support/file-operations'
import { onPlatform } from '../support/platform'

/** Work that fails with these codes, one after the other, and then succeeds. */
function failing(...codes: string[]) {
  const calls = { count: 0 }
  const work = () => {
    const code = codes[calls.count++]
    if (code !== undefined) throw Object.assign(new Error(`${code}: refused`), { code })
  }
  return { work, calls }
}

describe('on Windows', () => {
  test('files are synced and folders, which can not be, are left out', () => {
    using folder = temporaryFolder()
    using _ = onPlatform('win32')
    using recording = recordFileOperations(folder.path)
    createFolder(join(folder.path, 'a'))
    writeAtomic(join(folder.path, 'file'), 'one')
    expect(createAtomic(join(folder.path, 'new'), 'one')).toBeTrue()
    removeDurably(join(folder.path, 'file'))
    syncFolder(folder.path)
    expect(recording.take()).toEqual([
      'create a',
      'sync file.PID.new',
      'rename file.PID.new to file',
      'sync new.PID.new',
      'link new.PID.new to new',
      'remove new.PID.new',
      'remove file',
    ])
  })

  test('work on a file that another program has open for a moment is tried again', () => {
    using _ = onPlatform('win32')
    for (const code of ['EPERM', 'EACCES', 'EBUSY']) {
      const { work, calls } = failing(code, code)
      const pauses: number[] = []
      retryWhileOpen(work, (ms) => pauses.push(ms))
      expect({ count: calls.count, pauses }).toEqual({ count: 3, pauses: [10, 20] })
    }
  })

  test('work that stays refused fails after two seconds, and any other failure at once', () => {
    using _ = onPlatform('win32')
    const pauses: number[] = []
    const refused = failing(...Array.from({ length: 50 }, () => 'EBUSY'))
    expect(() => retryWhileOpen(refused.work, (ms) => pauses.push(ms))).toThrow('EBUSY: refused')
    expect(pauses.reduce((sum, ms) => sum + ms, 0)).toBe(2_000)
    const full = failing('ENOSPC')
    expect(() => retryWhileOpen(full.work, (ms) => pauses.push(ms))).toThrow('ENOSPC: refused')
    expect(full.calls.count).toBe(1)
  })
})

test('on other systems nothing is tried again', () => {
  for (const platform of ['linux', 'darwin'] as const) {
    using _ = onPlatform(platform)
    const { work, calls } = failing('EPERM')
    expect(() => retryWhileOpen(work, () => {})).toThrow('EPERM: refused')
    expect(calls.count).toBe(1)
  }
})

test('a file is opened for writing to be synced, since Windows refuses anything else', () => {
  using folder = temporaryFolder()
  const path = join(folder.path, 'file')
  fs.writeFileSync(path, 'content')
  const { openSync } = fs
  const opened: unknown[] = []
  using _ = spyOn(fs, 'openSync').mockImplementation((file, flags, mode) => {
    opened.push({ file, flags })
    return openSync(file, flags, mode)
  })
  syncFile(path)
  syncFolder(folder.path)
  expect(opened).toEqual([
    { file: path, flags: 'r+' },
    { file: folder.path, flags: 'r' },
  ])
  expect(fs.readFileSync(path, 'utf8')).toBe('content')
})
