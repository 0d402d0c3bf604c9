import { expect, test } from 'bun:test'
import { createPlaceholders } from '../../../src/app/support/placeholders'

/** How many different parts there can be. */
const capacity = 0xffffd - 0xf0000

test('a part is one character until the text is completed', () => {
  const { keep, hide, complete } = createPlaceholders()
  const [kept, hidden] = [keep('/var/lib'), hide('host', 'acme.io')]
  expect([kept, hidden].map((text) => [...text].length)).toEqual([1, 1])
  expect(complete(`${kept}/${hidden}`)).toBe('/var/lib/<host-1>')
})

test('values are numbered by their kind, and the same value keeps its placeholder', () => {
  const { hide, complete } = createPlaceholders()
  const shown = (['host', 'name', 'host', 'host', 'name'] as const).map((kind, index) =>
    complete(hide(kind, ['a', 'b', 'a', 'c', 'a'][index] ?? '')),
  )
  expect(shown).toEqual(['<host-1>', '<name-1>', '<host-1>', '<host-2>', '<host-1>'])
})

test('a value that is done in part is the same as the whole one', () => {
  const { hide, keep, complete } = createPlaceholders()
  expect(complete(hide('name', `${keep('ac')}me`))).toBe('<name-1>')
  expect(complete(hide('name', 'acme'))).toBe('<name-1>')
})

test('parts beyond the last character are hidden, and those before stay', () => {
  const { keep, complete } = createPlaceholders()
  const first = keep('first')
  for (let index = 1; index < capacity - 1; index++) keep(`part ${index}`)
  expect(complete(keep('last'))).toBe('last')
  expect([keep('one more'), keep('another')].map(complete)).toEqual(['<hidden>', '<hidden>'])
  expect(complete(first)).toBe('first')
  expect(complete(keep('last'))).toBe('last')
})

test('a part that comes again takes no further character', () => {
  const { keep, complete } = createPlaceholders()
  for (let index = 0; index <= capacity; index++) keep('again')
  expect(complete(keep('other'))).toBe('other')
})

test('what a text has of the characters itself stands for nothing', () => {
  const { prepare, keep, complete } = createPlaceholders()
  keep('x')
  expect(complete(prepare('a\u{f0000}b\u{ffffd}e\u0301'))).toBe('a\ufffdb\ufffd\u00e9')
})
