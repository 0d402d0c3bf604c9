import { expect, test } from 'bun:test'
import {
  generatePassphrase,
  generatePassword,
  type PasswordRules,
} from '../../../../src/web/vault/crypto/generator'
import {
  createRandomBelow,
  type FillRandom,
  fillFromBrowser,
} from '../../../../src/web/vault/crypto/random'
import { passphraseWords } from '../../../../src/web/vault/crypto/words'

const rules: PasswordRules = {
  length: 12,
  classes: ['lower', 'upper', 'digits', 'signs'],
  isUnambiguous: false,
}

/** Gives these numbers first, then the browser's. */
function beginningWith(numbers: readonly number[]): FillRandom {
  let isFirst = true
  return (target) => {
    fillFromBrowser(target)
    // They are taken from the end.
    if (isFirst) target.set(numbers.toReversed(), target.length - numbers.length)
    isFirst = false
  }
}

test('gives every number below the bound, and passes over those that would make some likelier', () => {
  const bound = 3 * 2 ** 30
  const below = createRandomBelow(beginningWith([2 ** 32 - 1, bound, bound - 1, 0, 5]))
  expect([below(bound), below(bound), below(3)]).toEqual([bound - 1, 0, 2])
})

test('leaves no number behind that a password was made from', () => {
  let kept = new Uint32Array(0)
  generatePassword({ ...rules, length: 64 }, (numbers) => {
    fillFromBrowser(numbers)
    kept = numbers
  })
  expect([...kept].filter((value) => value !== 0).length).toBeLessThan(kept.length)
})

test('holds each class, and has every character at every place', () => {
  const places = Array.from({ length: rules.length }, () => new Set<string>())
  for (let round = 0; round < 10_000; round++) {
    const { text } = generatePassword(rules, fillFromBrowser)
    expect(text.length).toBe(rules.length)
    const holdsAll = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^a-zA-Z0-9]/].every((kind) => kind.test(text))
    if (!holdsAll) throw new Error(`a class is missing in ${text}`)
    for (const [at, character] of [...text].entries()) places[at]?.add(character)
  }
  for (const place of places) expect(place.size).toBe(26 + 26 + 10 + 28)
})

test('leaves out look-alikes, and classes that were not chosen', () => {
  for (let round = 0; round < 300; round++) {
    expect(
      generatePassword({ ...rules, length: 128, isUnambiguous: true }, fillFromBrowser).text,
    ).not.toMatch(/[lI1O0|]/)
    expect(
      generatePassword({ ...rules, classes: ['digits'], length: 8 }, fillFromBrowser).text,
    ).toMatch(/^\d{8}$/)
  }
})

test('says how many bits the choice has', () => {
  const digits = { ...rules, classes: ['digits'], length: 30 } as const
  expect(generatePassword(digits, fillFromBrowser).bits).toBe(Math.floor(30 * Math.log2(10)))
  // Of all texts of these 8 characters, 3 in 8 lack a class.
  const short = generatePassword({ ...rules, length: 8 }, fillFromBrowser).bits
  expect(short).toBe(Math.floor(8 * Math.log2(90)) - 1)
})

test.each([
  [['digits'], 8, 26],
  [['lower', 'digits'], 8, 41],
  [['lower', 'upper', 'digits'], 8, 47],
  [['lower', 'upper', 'digits'], 20, 119],
  [['lower', 'upper', 'digits', 'signs'], 8, 50],
  [['lower', 'upper', 'digits', 'signs'], 9, 57],
  [['lower', 'upper', 'digits', 'signs'], 20, 129],
] as const)('of %p, %d characters are a choice of %d bits', (classes, length, bits) => {
  const { text, ...rest } = generatePassword({ ...rules, classes, length }, fillFromBrowser)
  expect(text).toHaveLength(length)
  expect(rest).toEqual({ bits })
})

test('takes lengths from 8 to 128 characters, and from 4 to 12 words', () => {
  const isTaken = (generate: () => unknown) => {
    try {
      generate()
      return true
    } catch (error) {
      if (error instanceof RangeError) return false
      throw error
    }
  }
  const lengths = [7, 8, 128, 129].map((length) =>
    isTaken(() => generatePassword({ ...rules, length }, fillFromBrowser)),
  )
  expect(lengths).toEqual([false, true, true, false])
  const words = [3, 4, 4.5, 12, 13].map((count) =>
    isTaken(() =>
      generatePassphrase(
        { words: count, separator: ' ', hasCapitalsAndDigit: false },
        fillFromBrowser,
      ),
    ),
  )
  expect(words).toEqual([false, true, false, true, false])
})

test('refuses rules that no password fits', () => {
  for (const wrong of [{ length: 7 }, { length: 129 }, { length: 8.5 }, { classes: [] }])
    expect(() => generatePassword({ ...rules, ...wrong }, fillFromBrowser)).toThrow(RangeError)
})

test('makes passphrases of words that differ from each other', () => {
  const words = passphraseWords()
  expect(words.length).toBeGreaterThan(1024)
  expect(words.toSorted()).toEqual([...new Set(words)])
  expect(words.filter((word) => !/^[a-z]{3,8}$/.test(word))).toEqual([])
  const plain = { words: 5, separator: '-', hasCapitalsAndDigit: false }
  const { text, bits } = generatePassphrase(plain, fillFromBrowser)
  expect(text.split('-').every((word) => words.includes(word))).toBe(true)
  expect(bits).toBe(Math.floor(5 * Math.log2(words.length)))
  const rich = generatePassphrase(
    { ...plain, separator: ' ', hasCapitalsAndDigit: true },
    fillFromBrowser,
  )
  expect(rich.text).toMatch(/^(?:[A-Z][a-z]{2,7}\d? ?){5}$/)
  expect(rich.text.match(/\d/g)).toHaveLength(1)
})

test('makes of each word one with a capital, and counts the choice of the digit', () => {
  const words = passphraseWords()
  for (const [count, bits] of [
    [4, 45],
    [5, 56],
    [12, 128],
  ] as const) {
    const generated = generatePassphrase(
      { words: count, separator: ' ', hasCapitalsAndDigit: true },
      fillFromBrowser,
    )
    expect(generated.bits).toBe(bits)
    const parts = generated.text.replace(/\d/, '').split(' ')
    expect(parts).toHaveLength(count)
    for (const part of parts) {
      const lower = part.toLowerCase()
      expect(words).toContain(lower)
      expect(part).toBe(lower.charAt(0).toUpperCase() + lower.slice(1))
    }
  }
})
