import { expect, test } from 'bun:test'
import type { OpenEntry } from '../../../../src/web/vault/model/entries'
import { findLine, indexEntries, searchEntries } from '../../../../src/web/vault/model/search'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'

const entries: readonly OpenEntry[] = [
  anOpenRecord({ name: 'Gitforge', login: 'marta@example.org', password: 'sesame-git' }),
  anOpenRecord({
    name: 'Allotment',
    login: 'm',
    texts: [{ name: 'Notes', value: 'First line.\nThe site is in Git here.' }],
  }),
  anOpenRecord({
    name: 'Почта',
    login: 'ЁЖИК',
    texts: [{ name: 'URL', value: 'https://mail.example.org/login' }],
  }),
  anOpenRecord({
    name: 'Банк',
    login: '',
    texts: [
      { name: 'Tags', value: 'Деньги, git' },
      { name: 'Folder', value: 'Семья' },
      { name: 'PIN', value: '1496' },
    ],
  }),
  anOpenNote({ name: 'Дверь', content: 'Код: 4711\nподъезд' }),
  anOpenRecord({
    name: { ciphertext: 'a:b' },
    login: 'readable',
    password: { ciphertext: 'git:git' },
  }),
]

const search = (query: string, list: readonly OpenEntry[] = entries) =>
  searchEntries(indexEntries(list), query).map((hit) => ({ ...hit, ...findLine(hit, query) }))

const found = (query: string) =>
  search(query).map(({ entry, place, line, start, length }) => [
    entries.indexOf(entry),
    place,
    `${line.slice(0, start)}[${line.slice(start, start + length)}]${line.slice(start + length)}`,
  ])

test('finds names, logins, addresses, tags and notes, best places first, with the line', () => {
  expect(found('git')).toEqual([
    [0, 'name', '[Git]forge'],
    [3, 'tags', '[git]'],
    [1, 'notes', 'The site is in [Git] here.'],
  ])
  expect(found('EXAMPLE.org')).toEqual([
    [0, 'login', 'marta@[example.org]'],
    [2, 'url', 'https://mail.[example.org]/login'],
  ])
  expect(found('readable')).toEqual([[5, 'login', '[readable]']])
})

test('knows no case in Cyrillic either, and takes е for ё', () => {
  expect(found('ПОЧТА')).toEqual([[2, 'name', '[Почта]']])
  expect(found('ежик')).toEqual([[2, 'login', '[ЁЖИК]']])
  expect(found('ёжик')).toEqual([[2, 'login', '[ЁЖИК]']])
  expect(found('семья')).toEqual([[3, 'tags', '[Семья]']])
  expect(found('Подъезд')).toEqual([[4, 'notes', '[подъезд]']])
  // й as two characters, as a Mac writes it.
  expect(search('краи\u0306', [anOpenRecord({ name: 'Край' })])).toHaveLength(1)
})

test('wants every word, wherever it is', () => {
  expect(found(' mail   ёжик ')).toEqual([[2, 'url', 'https://[mail].example.org/login']])
  expect(found('mail git')).toEqual([])
  expect(found('')).toEqual([])
  expect(found('  ')).toEqual([])
})

test('looks into no secret', () => {
  expect(found('sesame')).toEqual([])
  expect(found('1496')).toEqual([])
})

test('finds a word also where characters fold to more', () => {
  const hits = search('istanbul', [anOpenRecord({ name: 'İİ istanbul' })])
  expect(hits).toMatchObject([{ place: 'name', line: 'İİ istanbul', start: 0, length: 0 }])
  const note = anOpenNote({ content: 'İzmir\nistanbul' })
  expect(search('istanbul', [note])).toEqual([
    { entry: note, place: 'notes', line: 'İzmir', start: 0, length: 0 },
  ])
})

test('shows the line of a word that is its last character', () => {
  const note = anOpenNote({ content: 'one\nvitamin D\nthree' })
  expect(search('d', [note])).toEqual([
    { entry: note, place: 'name', line: 'Door', start: 0, length: 1 },
  ])
  const unnamed = { ...note, name: '' }
  expect(search('d', [unnamed])).toEqual([
    { entry: unnamed, place: 'notes', line: 'vitamin D', start: 8, length: 1 },
  ])
})

test('reads the texts of an entry once for all lists', () => {
  const entry = anOpenRecord()
  const [first, again] = [indexEntries([entry]), indexEntries([anOpenNote(), entry])]
  expect(again[1]).toBe(first[0])
})
