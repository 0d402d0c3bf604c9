import { expect, test } from 'bun:test'
import { formatContents, nounOf } from '../../cli/contents'
import { tables } from '../../src/store/tables'

test('contents are counted as people know them, whatever else there is', () => {
  const rows = [
    { table: 'users', rows: 1 },
    { table: 'devices', rows: 7 },
    { table: 'records', rows: 1200 },
    { table: 'notes', rows: 0 },
  ]
  expect(formatContents(rows)).toBe('1 account, 1200 records, 0 notes')
  expect(formatContents([])).toBe('0 accounts, 0 records, 0 notes')
})

test('every table has a noun', () => {
  const nouns = tables.map(({ name }) => nounOf(name))
  expect(new Set(nouns).size).toBe(tables.length)
  expect(nouns.filter((noun) => noun.includes('_'))).toEqual([])
})

test('a table of another version keeps its name', () => {
  expect(['users', 'known_addresses', 'constructor'].map(nounOf)).toEqual([
    'accounts',
    'known_addresses',
    'constructor',
  ])
})
