import { expect, test } from 'bun:test'
import { sizeOfNote, sizeOfRecord } from '../../src/http/list-sizes'

test('the memory of an entry is about that of its texts', () => {
  const entry = { id: 'i', owner: 'u', isFavorite: false, isTrashed: false }
  const times = { creationTime: 0, updateTime: 0 }
  const note = (content: string) => sizeOfNote({ ...entry, ...times, name: 'nn', content })
  expect([note(''), note('x'.repeat(1_000))]).toEqual([352, 1_352])
  const field = { id: 'f', recordId: 'i', name: 'nnn', value: 'vvvv' }
  const record = { ...entry, ...times, name: 'n', login: 'll', password: 'ppp' }
  expect(sizeOfRecord({ ...record, additionalFields: [] })).toBe(356)
  expect(sizeOfRecord({ ...record, additionalFields: [field, field] })).toBe(356 + 2 * 157)
})
