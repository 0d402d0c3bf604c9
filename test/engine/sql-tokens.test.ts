import { expect, test } from 'bun:test'
import { normalizeExpression, tokenizeSql } from '../../src/engine/sql-tokens'

const textsOf = (sql: string) => tokenizeSql(sql).map(({ text }) => text)

test.each([
  ['', []],
  [' \n', []],
  ['Create TABLE a', ['create', 'table', 'a']],
  ['"A b" `C` [D e]', ['a b', 'c', 'd e']],
  ['"a""b" `a``b` [a"b]', ['a"b', 'a`b', 'a"b']],
  ["'It''s A' x", ["'It''s A'", 'x']],
  ['a != b == c <> d', ['a', '<>', 'b', '=', 'c', '<>', 'd']],
  ['a<=b>=c||d::text', ['a', '<=', 'b', '>=', 'c', '||', 'd', '::', 'text']],
  ['a -- b\nc', ['a', 'c']],
  ['a /* b\n * c */ d', ['a', 'd']],
  ['a /* b', ['a']],
  ['a.b $1 größe', ['a.b', '$1', 'größe']],
  ['\'--\' "/*" x', ["'--'", '/*', 'x']],
])('the tokens of %p are %p', (sql, texts) => {
  expect(textsOf(sql)).toEqual(texts)
})

test('marks what is in quotes, which is no keyword, and how deep each token lies', () => {
  expect(tokenizeSql(`a ("b" ('c')) d`)).toEqual([
    { text: 'a', isQuoted: false, depth: 0 },
    { text: '(', isQuoted: false, depth: 0 },
    { text: 'b', isQuoted: true, depth: 1 },
    { text: '(', isQuoted: false, depth: 1 },
    { text: "'c'", isQuoted: true, depth: 2 },
    { text: ')', isQuoted: false, depth: 1 },
    { text: ')', isQuoted: false, depth: 0 },
    { text: 'd', isQuoted: false, depth: 0 },
  ])
  // A quote that nothing ends is a sign.
  expect(tokenizeSql(`"a`)).toEqual([
    { text: '"', isQuoted: false, depth: 0 },
    { text: 'a', isQuoted: false, depth: 0 },
  ])
})

test.each([
  ["((kind = 'a'::text))", "kind = 'a'"],
  ["kind='a'", "kind = 'a'"],
  ['length("text") > 1', 'length text > 1'],
  ['a::integer', 'a :: integer'],
  ['text = 1', 'text = 1'],
  ["'(' <> '::'", "'(' <> '::'"],
])('%p is the expression %p', (sql, expression) => {
  expect(normalizeExpression(tokenizeSql(sql))).toBe(expression)
})
