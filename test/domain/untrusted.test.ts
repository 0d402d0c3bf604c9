import { expect, test } from 'bun:test'
import { ownProperty, parseJson } from '../../src/domain/untrusted'

test('JSON from outside is parsed, and undefined if it is none', () => {
  expect(['{"a":[1]}', 'null', '0', '""', '', '{', 'undefined'].map(parseJson)).toEqual([
    { a: [1] },
    null,
    0,
    '',
    undefined,
    undefined,
    undefined,
  ])
})

test('a property of a value from outside is its own one, and no getter runs', () => {
  const value = {
    own: 1,
    nothing: null,
    get computed() {
      throw new Error('a getter ran')
    },
  }
  expect(
    ['own', 'nothing', 'computed', 'toString', '__proto__', 'other'].map((name) =>
      ownProperty(value, name),
    ),
  ).toEqual([1, null, undefined, undefined, undefined, undefined])
  expect(ownProperty(['first'], '0')).toBe('first')
  for (const other of [null, undefined, 'text', 5])
    expect(ownProperty(other, 'length')).toBeUndefined()
})
