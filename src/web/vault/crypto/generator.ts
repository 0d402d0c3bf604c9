import { createRandomBelow, type FillRandom } from './random'
import { passphraseWords } from './words'

export interface PasswordRules {
  readonly length: number
  readonly classes: readonly CharacterClass[]
  /** Without characters that look like others: l, I, 1, O, 0, |. */
  readonly isUnambiguous: boolean
}

export interface PassphraseRules {
  readonly words: number
  readonly separator: string
  /** Each word with a capital, and a digit behind one of them, for sites that ask for these. */
  readonly hasCapitalsAndDigit: boolean
}

export interface Generated {
  readonly text: string
  /** Of the choice between all texts that these rules allow. */
  readonly bits: number
}

/** Without quotes, backslash, backtick and space, which forms and shells break. */
const characters = {
  lower: 'abcdefghijklmnopqrstuvwxyz',
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  digits: '0123456789',
  signs: '!#$%&()*+,-./:;<=>?@[]^_{|}~',
} as const

export type CharacterClass = keyof typeof characters

const passwordLengths = { min: 8, max: 128 }
const passphraseLengths = { min: 4, max: 12 }

const ambiguous = /[lI1O0|]/g

/**
 * Returns a password with at least one character of each class. Every such password is equally likely: one without is thrown
 * away as a whole. Throws RangeError for rules that no password fits.
 */
export function generatePassword(rules: PasswordRules, fillRandom: FillRandom): Generated {
  const { length, classes, isUnambiguous } = rules
  requireWithin('length', length, passwordLengths)
  if (classes.length === 0) throw new RangeError('a password needs a class of characters')
  const sets = classes.map((name) =>
    isUnambiguous ? characters[name].replaceAll(ambiguous, '') : characters[name],
  )
  const alphabet = sets.join('')
  const below = createRandomBelow(fillRandom)
  for (;;) {
    const text = Array.from({ length }, () => alphabet.charAt(below(alphabet.length))).join('')
    if (sets.every((set) => [...text].some((character) => set.includes(character))))
      return { text, bits: Math.floor(bitsOf(length, sets)) }
  }
}

/** Returns the logarithm of the number of texts with a character of each set, by inclusion and exclusion. */
function bitsOf(length: number, sets: readonly string[]): number {
  const all = sets.join('').length
  let share = 0
  for (let without = 0; without < 2 ** sets.length; without++) {
    const left = sets.filter((_, at) => ((without >> at) & 1) === 0)
    const sign = (sets.length - left.length) % 2 === 0 ? 1 : -1
    share += sign * (left.join('').length / all) ** length
  }
  return length * Math.log2(all) + Math.log2(share)
}

/** Returns words of a list, each equally likely and independent of the others. */
export function generatePassphrase(rules: PassphraseRules, fillRandom: FillRandom): Generated {
  requireWithin('words', rules.words, passphraseLengths)
  const below = createRandomBelow(fillRandom)
  const list = passphraseWords()
  const words = Array.from({ length: rules.words }, () => list[below(list.length)] ?? '')
  const bits = rules.words * Math.log2(list.length)
  if (!rules.hasCapitalsAndDigit)
    return { text: words.join(rules.separator), bits: Math.floor(bits) }
  const [place, digit] = [below(words.length), below(10)]
  const text = words
    .map((word, at) => capitalize(word) + (at === place ? String(digit) : ''))
    .join(rules.separator)
  return { text, bits: Math.floor(bits + Math.log2(10 * rules.words)) }
}

function capitalize(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

function requireWithin(
  what: string,
  value: number,
  { min, max }: { readonly min: number; readonly max: number },
): void {
  if (!Number.isSafeInteger(value) || value < min || value > max)
    throw new RangeError(`${what} must be a whole number from ${min} to ${max}`)
}
