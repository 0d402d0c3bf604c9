import { describe, expect, test } from 'bun:test'
import { canonicalDomain, canonicalEmail, isEmail, normalizeEmail } from '../../src/domain/email'

describe('an email address of a new account', () => {
  test('has a name and a domain of two labels, in any script', () => {
    for (const address of ['a@nas.local', 'änne@müller.example', 'a@b.fritz.box', 'ゆき@例え.jp'])
      expect(isEmail(address), address).toBeTrue()
    for (const text of ['a@localhost', 'a', '@b.cc', 'a@', '"x y"@b.cc', 'a b@c.dd', 'a@b..cc', ''])
      expect(isEmail(text), text).toBeFalse()
  })

  test.each([
    ['a zero-width space', '\u200b'],
    ['a zero-width joiner', '\u200d'],
    ['a soft hyphen', '\u00ad'],
    ['a byte order mark', '\ufeff'],
    ['a word joiner', '\u2060'],
    ['a right-to-left override', '\u202e'],
    ['a left-to-right isolate', '\u2066'],
    ['an Arabic direction mark', '\u061c'],
    ['a Hangul filler', '\u3164'],
    ['a half-width Hangul filler', '\uffa0'],
    ['a blank of Braille', '\u2800'],
    ['a notehead without form', '\u{1d159}'],
    ['a filler of Khitan script', '\u{16fe4}'],
    ['an object replacement character', '\ufffc'],
    ['a variation selector', '\ufe0f'],
    ['a tag character', '\u{e0041}'],
    ['a no-break space', '\u00a0'],
    ['an ideographic space', '\u3000'],
    ['a line separator', '\u2028'],
    ['an escape character', '\u001b'],
    ['a C1 control character', '\u009b'],
    ['a delete character', '\u007f'],
  ])('has no invisible character: not %s', (_name, character) => {
    for (const address of [
      `a${character}b@nas.local`,
      `${character}ab@nas.local`,
      `ab${character}@nas.local`,
      `ab@n${character}as.local`,
      `ab@nas.local${character}`,
    ]) {
      expect(isEmail(address), JSON.stringify(address)).toBeFalse()
    }
  })
})

test('an email address is stored in lower case, as it was typed otherwise', () => {
  expect(normalizeEmail('ÄNNE@Bu\u0308cher.EXAMPLE')).toBe('änne@bu\u0308cher.example')
})

test.each([
  ['a@nas.local', ['A@NAS.local', 'a@Nas.Local', 'a@ｎａｓ.local', 'a@nas。local']],
  [
    'a@xn--bcher-kva.example',
    ['a@bücher.example', 'A@BÜCHER.example', 'a@bu\u0308cher.example', 'a@XN--bcher-kva.example'],
  ],
  ['änne@nas.local', ['ÄNNE@nas.local', 'a\u0308nne@nas.local', 'A\u0308NNE@nas.local']],
  ['a@xn--fa-hia.example', ['a@faß.example', 'a@FAẞ.example']],
])('the canonical form of all spellings of %s is that', (canonical, spellings) => {
  for (const spelling of [canonical, ...spellings])
    expect(canonicalEmail(spelling), spelling).toBe(canonical)
})

test.each([
  ['a@nas.local', 'b@nas.local'],
  // Providers differ in whether these are one mailbox.
  ['a@nas.local', 'a+b@nas.local'],
  ['a.b@nas.local', 'ab@nas.local'],
  // Compatible characters are other characters in a name.
  ['ａ@nas.local', 'a@nas.local'],
  ['ß@nas.local', 'ss@nas.local'],
  ['a@faß.example', 'a@fass.example'],
])('%s and %s are two mailboxes', (one, other) => {
  expect(canonicalEmail(one)).not.toBe(canonicalEmail(other))
})

test('an address without a domain that could be one keeps its own form', () => {
  for (const text of ['a@٠.example', 'a', 'a@', '@', ''])
    expect(canonicalEmail(text)).toBe(text.toLowerCase())
  expect(canonicalDomain('ex\u200dample.com')).toBe('ex\u200dample.com')
})
