import { expect, test } from 'bun:test'
import {
  countPlaces,
  listPlace,
  orderEntries,
  type Place,
  sectionsOf,
} from '../../../../src/web/vault/model/lists'
import { anOpenNote, anOpenRecord } from '../../../support/open-entries'

const folder = (value: string) => ({ name: 'Folder', value })
const tags = (value: string) => ({ name: 'Tags', value })

const entries = [
  anOpenRecord({ name: 'юла', texts: [folder('Work'), tags('bank, Дом')] }),
  anOpenRecord({ name: 'Ёлка', texts: [folder('work/Servers'), tags('Bank')] }),
  anOpenRecord({ name: 'Workshop', texts: [folder('Workshop')] }),
  anOpenRecord({ name: 'éclair', isFavorite: true }),
  anOpenRecord({ name: 'Éclair 10' }),
  anOpenRecord({ name: 'eclair 9' }),
  anOpenNote({ name: 'йод' }),
  anOpenNote({ name: '4711' }),
  anOpenNote({ name: { ciphertext: 'a:b' } }),
  anOpenRecord({
    name: 'older',
    isTrashed: true,
    updated: 1,
    isFavorite: true,
    texts: [tags('bank')],
  }),
  anOpenNote({ name: 'newer', isTrashed: true, updated: 2 }),
]

const namesIn = (place: Place, language = 'ru') =>
  listPlace(orderEntries(entries, language), place).map(({ name }) =>
    typeof name === 'string' ? name : null,
  )

test('counts the entries of each place, without those in the trash', () => {
  expect(countPlaces(entries, 'en')).toEqual({
    ...{ all: 9, favorites: 1, notes: 3, trash: 2 },
    folders: [
      { name: 'Work', count: 2 },
      { name: 'work/Servers', count: 1 },
      { name: 'Workshop', count: 1 },
    ],
    tags: [
      { name: 'bank', count: 2 },
      { name: 'Дом', count: 1 },
    ],
  })
})

test('orders by favorites, then by the alphabet of the language, and ends with what has no readable name', () => {
  expect(namesIn({ kind: 'all' })).toEqual([
    'éclair',
    '4711',
    'Ёлка',
    'йод',
    'юла',
    'eclair 9',
    'Éclair 10',
    'Workshop',
    null,
  ])
  expect(namesIn({ kind: 'all' }, 'en').slice(2, 4)).toEqual(['eclair 9', 'Éclair 10'])
  expect(namesIn({ kind: 'trash' })).toEqual(['newer', 'older'])
  expect(namesIn({ kind: 'favorites' })).toEqual(['éclair'])
  expect(namesIn({ kind: 'notes' })).toEqual(['4711', 'йод', null])
})

test('lists a folder with those in it, and a tag in any case', () => {
  expect(namesIn({ kind: 'folder', name: 'WORK' })).toEqual(['Ёлка', 'юла'])
  expect(namesIn({ kind: 'folder', name: 'Work/Servers' })).toEqual(['Ёлка'])
  expect(namesIn({ kind: 'tag', name: 'BANK' })).toEqual(['Ёлка', 'юла'])
  expect(namesIn({ kind: 'tag', name: 'дом' })).toEqual(['юла'])
})

test('divides a list by initials, in which accents make no difference', () => {
  const place: Place = { kind: 'all' }
  const sections = sectionsOf(listPlace(orderEntries(entries, 'ru'), place), place, 'ru')
  expect(
    sections.map(({ head, entries }) => ['text' in head ? head.text : head.kind, entries.length]),
  ).toEqual([
    ...[
      ['favorites', 1],
      ['other', 1],
      ['Е', 1],
      ['Й', 1],
      ['Ю', 1],
      ['E', 2],
      ['W', 1],
    ],
    ['unreadable', 1],
  ])
  const trash: Place = { kind: 'trash' }
  expect(
    sectionsOf(listPlace(orderEntries(entries, 'ru'), trash), trash, 'ru').map(({ head }) => head),
  ).toEqual([{ kind: 'trash' }])
})
