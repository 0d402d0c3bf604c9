import { expect, test } from 'bun:test'
import { sanitizeLine } from '../../src/domain/text'

test.each([
  ['over two\r\nlines', 'over two lines'],
  ['a tab\tand a NUL\0', 'a tab and a NUL '],
  ['\u001b[31mred', ' [31mred'],
  ['moc.\u202eelpmaxe', 'moc. elpmaxe'],
  ['a\u2028b\u2029c', 'a b c'],
  // An emoji of several code points stays whole.
  ['👩‍👩‍👧 ok', '👩‍👩‍👧 ok'],
])('%j in one line is %j', (text, expected) => {
  expect(sanitizeLine(text)).toBe(expected)
})

test('a text that is cut stays well-formed', () => {
  expect(sanitizeLine('abcdef', 3)).toBe('abc')
  expect(sanitizeLine('ab👧', 3).isWellFormed()).toBeTrue()
})
