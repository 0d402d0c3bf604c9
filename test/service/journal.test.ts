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

test.each([
  '',
  'nonsense',
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
  expect(() => findJournal(layout)).toThrow('is not the journal of an upgrade')
})
