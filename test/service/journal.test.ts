import { expect, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findJournal, type Journal, stagingPathsOf, writeJournal } from '../../src/service/journal'
import { layoutOf } from '../../src/service/paths'
import { temporaryFolder } from '../support/executable'

const journal: Journal = {
  phase: 'trying',
  oldVersion: '1.0.0 (a, b)',
  newVersion: '2.0.0 (a, b)',
  backup: '/data/backups/x.sqlite',
  pending: ['0002'],
  engine: 'sqlite',
  copy: '/data/copy.db',
  isCleared: false,
  wasRunning: true,
  unit: null,
}

/** What the file holds: another version of snailpass may read it. */
const stored =
  '{"phase":"trying","oldVersion":"1.0.0 (a, b)","newVersion":"2.0.0 (a, b)","archive":"/data/backups/x.sqlite","pending":["0002"],"engine":"sqlite","copy":"/data/copy.db","isCleared":false,"wasRunning":true,"unit":null}'

test('the journal of an upgrade has names that every version reads', () => {
  using folder = temporaryFolder()
  const layout = layoutOf({ prefix: folder.path, hasService: false })
  expect(findJournal(layout)).toBeNull()
  writeJournal(layout, journal)
  const { journal: path } = stagingPathsOf(layout)
  expect(path).toBe(join(folder.path, 'lib', 'snailpass', 'upgrade.json'))
  expect(readFileSync(path, 'utf8')).toBe(stored)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(findJournal(layout)).toEqual(journal)
  writeJournal(layout, { ...journal, phase: 'proven', backup: null })
  expect(findJournal(layout)).toEqual({ ...journal, phase: 'proven', backup: null })
  expect(readdirSync(layout.stagingDir)).toEqual(['upgrade.json'])
})

test.each(['trying', 'proven', 'reverting'] as const)(
  'the journal of an upgrade is read as it was written in the phase %s',
  (phase) => {
    using folder = temporaryFolder()
    const layout = layoutOf({ prefix: folder.path, hasService: false })
    const other: Journal = {
      phase,
      oldVersion: 'a',
      newVersion: 'b',
      backup: null,
      pending: [],
      engine: 'postgres',
      copy: null,
      isCleared: true,
      wasRunning: false,
      unit: '[Unit]\n',
    }
    writeJournal(layout, other)
    expect(findJournal(layout)).toEqual(other)
  },
)

/** Returns the stored journal with another value of a member; undefined for none. */
const storedWith = (name: string, value: unknown) =>
  JSON.stringify({ ...JSON.parse(stored), [name]: value })

test('the files of an upgrade have names that every version knows', () => {
  const { executable: _, ...layout } = layoutOf({ prefix: '/x', hasService: false })
  expect(stagingPathsOf({ ...layout, executable: '' })).toEqual({
    folder: '/x/lib/snailpass',
    journal: '/x/lib/snailpass/upgrade.json',
    newExecutable: '/x/lib/snailpass/snailpass.new',
    oldExecutable: '/x/lib/snailpass/snailpass.old',
  })
})

test.each([
  '',
  'nonsense',
  ...Object.keys(JSON.parse(stored)).flatMap((name) => [
    storedWith(name, undefined),
    storedWith(name, 5),
  ]),
  storedWith('engine', 'mysql'),
  storedWith('oldVersion', null),
  storedWith('newVersion', null),
  storedWith('pending', { every: true }),
  storedWith('pending', ['0002', null]),
  storedWith('wasRunning', null),
  storedWith('isCleared', 'false'),
  '[]',
  'null',
  stored.slice(0, -5),
  stored.replace('trying', 'other'),
  stored.replace('["0002"]', '[2]'),
  stored.replace(',"unit":null', ''),
])('a journal that can not be parsed is refused: %p', (text) => {
  using folder = temporaryFolder()
  const layout = layoutOf({ prefix: folder.path, hasService: false })
  mkdirSync(layout.stagingDir, { recursive: true })
  writeFileSync(stagingPathsOf(layout).journal, text)
  const { journal: path } = stagingPathsOf(layout)
  expect(() => findJournal(layout)).toThrow(
    expect.objectContaining({
      code: 'unavailable',
      message: `${path} is not the journal of an upgrade`,
      hint: 'a newer snailpass may have written it: run the installer of that version',
    }),
  )
  // It stays for the version that wrote it.
  expect(readFileSync(path, 'utf8')).toBe(text)
})
