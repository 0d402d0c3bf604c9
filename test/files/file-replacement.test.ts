import { describe, expect, spyOn, test } from 'bun:test'
import * as fs from 'node:fs'
import { join } from 'node:path'
import {
  finishReplacement,
  isReplacementPending,
  listStages,
  removeFromStages,
  removeStage,
  replaceByStage,
  replaceFiles,
  stageFiles,
} from '../../src/files/file-replacement'
import { modeOf } from '../support/data-folder'
import { temporaryFolder } from '../support/executable'

/** Files before, what replaces them, and files after. */
const before = {
  'ca.key': 'old key',
  'ca.crt': 'old certificate',
  'leaf.pem': 'old',
  other: 'stays',
}
const files = [
  { name: 'ca.key', text: 'new key' },
  { name: 'ca.crt', text: 'new certificate' },
  { name: 'acme.crt', text: 'first' },
  { name: 'leaf.pem', text: null },
]
const after = {
  'acme.crt': 'first',
  'ca.crt': 'new certificate',
  'ca.key': 'new key',
  other: 'stays',
}

function createFiles() {
  const folder = temporaryFolder()
  for (const [name, text] of Object.entries(before)) fs.writeFileSync(join(folder.path, name), text)
  return folder
}

/** Returns the files of a folder with their texts; a folder in it has the text null. */
function readFolder(path: string): Record<string, string | null> {
  const texts = fs.readdirSync(path, { withFileTypes: true }).map((entry) => {
    const text = entry.isDirectory() ? null : fs.readFileSync(join(path, entry.name), 'utf8')
    return [entry.name, text] as const
  })
  return Object.fromEntries(texts)
}

/** The calls that change what a crash leaves. */
const { mkdirSync, fsyncSync, renameSync, rmSync, rmdirSync } = fs
const changes = { mkdirSync, fsyncSync, renameSync, rmSync, rmdirSync }

class Crash extends Error {}

/**
 * Runs work that ends before its call `number` of the file system, as in a crash: no later call changes anything. Returns whether
 * it got that far.
 */
function crashAt(number: number, work: () => void): boolean {
  let calls = 0
  const spies = Object.entries(changes).map(([name, change]) => {
    const call: (...args: never[]) => unknown = change
    return spyOn(fs, name as keyof typeof changes).mockImplementation((...args: unknown[]) => {
      if (++calls >= number) throw new Crash()
      return call(...(args as never[])) as never
    })
  })
  try {
    work()
    return false
  } catch (error) {
    if (!(error instanceof Crash)) throw error
    return true
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

describe('files that are replaced together', () => {
  test('are all new, for the owner only, and nothing else is left', () => {
    using folder = createFiles()
    replaceFiles(folder.path, files)
    expect(readFolder(folder.path)).toEqual(after)
    for (const name of ['ca.key', 'ca.crt', 'acme.crt'])
      expect(modeOf(join(folder.path, name))).toBe('600')
  })

  test('are all old or all new after a crash at any moment, and after another one while that is finished', () => {
    const results = new Set<string>()
    let number = 1
    for (let isOver = false; !isOver; number++) {
      using folder = createFiles()
      isOver = !crashAt(number, () => replaceFiles(folder.path, files))
      const left = readFolder(folder.path)
      expect(isReplacementPending(folder.path)).toBe('.draft' in left || '.replacement' in left)
      // Never a certificate beside the key of another one, for versions that can't finish this.
      expect(left['ca.crt'] ?? left['ca.key']).toStartWith(String(left['ca.key']).slice(0, 3))
      for (let second = 1; crashAt(second, () => finishReplacement(folder.path)); second++);
      const found = readFolder(folder.path)
      results.add(JSON.stringify(found))
      expect([before, after]).toContainEqual(found as typeof before)
      expect(isReplacementPending(folder.path)).toBeFalse()
    }
    expect(results.size).toBe(2)
    expect(number).toBeGreaterThan(20)
  })

  test('are all old if one of them can not be written', () => {
    using folder = createFiles()
    for (let failing = 1; failing <= files.length; failing++) {
      let syncs = 0
      using _ = spyOn(fs, 'fsyncSync').mockImplementation((descriptor) => {
        if (++syncs === failing) throw new Error('ENOSPC')
        fsyncSync(descriptor)
      })
      expect(() => replaceFiles(folder.path, files)).toThrow('ENOSPC')
      expect(() => stageFiles(folder.path, 'id', files)).not.toThrow()
      removeStage(folder.path, 'id')
      expect(readFolder(folder.path)).toEqual(before)
    }
  })
})

describe('a stage', () => {
  test('changes nothing until it is used, whatever is finished or replaced meanwhile', () => {
    using folder = createFiles()
    stageFiles(folder.path, 'one', files)
    stageFiles(folder.path, 'two', [])
    expect(listStages(folder.path).toSorted()).toEqual(['one', 'two'])
    expect(isReplacementPending(folder.path)).toBeFalse()
    finishReplacement(folder.path)
    replaceFiles(folder.path, [{ name: 'other', text: 'changed' }])
    const stages = { '.stage-one': null, '.stage-two': null }
    expect(readFolder(folder.path)).toEqual({ ...before, ...stages, other: 'changed' })
    removeStage(folder.path, 'two')
    replaceByStage(folder.path, 'one')
    expect(readFolder(folder.path)).toEqual({ ...after, other: 'changed' })
    expect(listStages(folder.path)).toEqual([])
    expect(listStages(join(folder.path, 'missing'))).toEqual([])
  })

  test('leaves those files alone that were taken out of it', () => {
    using folder = createFiles()
    stageFiles(folder.path, 'one', files)
    removeFromStages(folder.path, ['ca.key', 'ca.crt', 'leaf.pem'])
    replaceByStage(folder.path, 'one')
    expect(readFolder(folder.path)).toEqual({ ...before, 'acme.crt': 'first' })
    stageFiles(folder.path, 'two', files)
    removeFromStages(
      folder.path,
      files.map(({ name }) => name),
    )
    replaceByStage(folder.path, 'two')
    expect(readFolder(folder.path)).toEqual({ ...before, 'acme.crt': 'first' })
  })
})
