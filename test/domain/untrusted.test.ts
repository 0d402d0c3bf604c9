import { expect, test } from 'bun:test'
import { isEmail, normalizeEmail } from '../../src/domain/email'
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

test('an email address has a name and a domain of two labels, in any script', () => {
  for (const address of ['a@nas.local', 'änne@müller.example', 'a@b.fritz.box'])
    expect(isEmail(address), address).toBeTrue()
  for (const text of ['a@localhost', 'a', '@b.cc', 'a@', '"x y"@b.cc', 'a b@c.dd', 'a@b..cc', ''])
    expect(isEmail(text), text).toBeFalse()
  expect(normalizeEmail('ÄNNE@Nas.LOCAL')).toBe('änne@nas.local')
})
