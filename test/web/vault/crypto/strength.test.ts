import { describe, expect, test } from 'bun:test'
import { generatePassphrase, generatePassword } from '../../../../src/web/vault/crypto/generator'
import { fillFromBrowser } from '../../../../src/web/vault/crypto/random'
import { estimateStrength } from '../../../../src/web/vault/crypto/strength'

const levelOf = (password: string, known?: string[]) => estimateStrength(password, known).level

test('finds passwords weak that lists, keys, repeats, years and the owner give away', () => {
  const weak = [
    ...[
      '',
      'a',
      'password',
      'P@ssw0rd',
      'Password2024',
      'qwertyuiop',
      'йцукенгшщз',
      '123456789012',
    ],
    ...[
      'aaaaaaaaaaaaaaaa',
      'abcabcabcabcabc',
      'пароль123',
      'ghbdtn123',
      'Zvezda1999',
      '12345qwert',
    ],
    ...['Marta.Lindqvist1980', 'snailpass2026', 'qwerty!qwerty!qwerty!'],
  ]
  const known = ['marta.lindqvist@example.org']
  expect(weak.filter((password) => levelOf(password, known) !== 'weak')).toEqual([])
})

test('finds random passwords and passphrases strong', () => {
  const classes = ['lower', 'upper', 'digits', 'signs'] as const
  for (let round = 0; round < 20; round++) {
    const password = generatePassword({ length: 20, classes, isUnambiguous: true }, fillFromBrowser)
    expect(levelOf(password.text)).toBe('very-strong')
    const passphrase = generatePassphrase(
      { words: 7, separator: '-', hasCapitalsAndDigit: false },
      fillFromBrowser,
    )
    expect(['strong', 'very-strong']).toContain(levelOf(passphrase.text))
  }
})

test('never takes a passphrase for stronger than the choice of its words, but for its separators', () => {
  for (let round = 0; round < 50; round++) {
    const { text, bits } = generatePassphrase(
      { words: 6, separator: ' ', hasCapitalsAndDigit: false },
      fillFromBrowser,
    )
    expect(estimateStrength(text).bits).toBeLessThan(bits + 14)
  }
})

test('more of the same kind is never weaker', () => {
  for (const text of ['correct horse battery staple', 'Tr0ub4dor&3x9', 'улитка ползёт по склону']) {
    const bits = [...text].map((_, at) => estimateStrength(text.slice(0, at + 1)).bits)
    expect(estimateStrength(text.repeat(40)).bits).toBeGreaterThanOrEqual(bits.at(-1) ?? 0)
  }
})

/** Characters that form no word, and no row of keys, and how many there are of their kind. */
const kinds = {
  lower: { some: 'xkvqzjwgyb', size: 26 },
  upper: { some: 'KXQZVJGWYB', size: 26 },
  digit: { some: '8305729416', size: 10 },
  sign: { some: ' /:@[`{~#%', size: 33 },
  'Russian lower': { some: 'жщёъыэюцхф', size: 33 },
  'Russian upper': { some: 'ЖЩЁЪЫЭЮЦХФ', size: 33 },
  other: { some: '→€世界¶¿±×÷§', size: 100 },
} as const
type Kind = keyof typeof kinds

/** Returns characters of two kinds in turns. */
function mixture(first: Kind, second: Kind, length: number): string {
  const others = [...kinds[second].some]
  const pairs = [...kinds[first].some].map((character, at) => character + (others[at] ?? ''))
  return [...pairs.join('')].slice(0, length).join('')
}

describe('a character that is no part of anything costs a choice from its kinds', () => {
  const names = Object.keys(kinds) as Kind[]
  const caseOf = (kind: Kind) => /lower|upper/.exec(kind)?.[0] ?? kind
  // What has one case is taken for a word.
  const pairs = names.flatMap((first, at) =>
    names
      .slice(at + 1)
      .filter((second) => caseOf(first) !== caseOf(second))
      .map((second) => [first, second] as const),
  )

  test.each(pairs)('%s and %s', (first, second) => {
    const bits = 20 * Math.log2(kinds[first].size + kinds[second].size)
    expect(estimateStrength(mixture(first, second, 20)).bits).toBe(Math.floor(bits))
  })
})

test('a character alone costs a choice from its kind, at the edges of a kind, too', () => {
  const signs = [...Array(127).keys()]
    .filter((code) => code >= 32)
    .map((code) => String.fromCharCode(code))
    .filter((sign) => !/[A-Za-z0-9]/.test(sign))
  expect(signs).toHaveLength(kinds.sign.size)
  const edges = {
    ...{ lower: 'amz', upper: 'AMZ', digit: '059', sign: signs.join('') },
    ...{ 'Russian lower': 'амяё', 'Russian upper': 'АМЯЁ', other: '\u007f\u00a0ѐє' },
  }
  for (const [kind, { size }] of Object.entries(kinds)) {
    for (const character of edges[kind as Kind]) {
      const found = estimateStrength(character).bits
      expect({ character, found }).toEqual({ character, found: Math.floor(Math.log2(size)) })
    }
  }
})

test.each([
  [34, 'weak', mixture('lower', 'other', 5)],
  [35, 'fair', mixture('lower', 'sign', 6)],
  [54, 'fair', mixture('digit', 'sign', 10)],
  [55, 'strong', mixture('lower', 'other', 8)],
  [74, 'strong', mixture('lower', 'upper', 13)],
  [75, 'very-strong', mixture('digit', 'sign', 14)],
] as const)('%d bits are %s: %p', (bits, level, text) => {
  expect(estimateStrength(text)).toEqual({ bits, level })
})

test.each([
  ['a name of the owner', 'linden', 1],
  ['two names of the owner', 'lindenexample', 2],
  ['one with a capital', 'Linden', 2],
  ['one in capitals', 'LINDEN', 2],
  ['one in mixed case', 'liNDen', 1 + 6],
  ['a long one in mixed case', 'linDenbErgErin', 1 + 8],
  ['one with signs that look like its characters', 'l1nd3n', 1],
  ['a row of keys', 'эждлорпа', Math.log2(220) + Math.log2(8)],
  ['one with a capital', 'Эждлорпа', Math.log2(220) + Math.log2(8) + 1],
  ['a year', '2083', Math.log2(200)],
  ['a number that is no year', '2183', 4 * Math.log2(10)],
  ['what is said three times', 'Ж5€Ж5€Ж5€', 3 * 8 + Math.log2(9)],
  ['a word in no list', 'xkvqz', Math.log2(26) + 4 * 3.5],
  ['a sign that was there before', '%8%', 2 * Math.log2(43) + 1],
] as const)('%s, %p, costs less than its characters', (_, text, bits) => {
  const known = ['linden@example.org', 'Lindenbergerin']
  expect(estimateStrength(text, known).bits).toBe(Math.floor(bits))
})

test('of a long password, the first 128 characters count', () => {
  const rare = (from: number, count: number) =>
    String.fromCodePoint(...Array.from({ length: count }, (_, at) => from + at * 3))
  const bitsOf = (count: number) => estimateStrength(rare(0x4e00, count)).bits
  expect(bitsOf(127)).toBe(Math.floor(127 * Math.log2(100)))
  expect([128, 129, 300].map(bitsOf)).toEqual(Array(3).fill(Math.floor(128 * Math.log2(100))))
})
