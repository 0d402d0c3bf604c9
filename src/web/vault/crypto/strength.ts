import { commonPasswords } from './common-passwords'
import { passphraseWords } from './words'

/** How many guesses a master password or any other takes that somebody makes up: a lower bound, as a power of two. */
export interface Strength {
  readonly bits: number
  readonly level: StrengthLevel
}

export type StrengthLevel = 'weak' | 'fair' | 'strong' | 'very-strong'

/** What is behind a level, in bits: a PBKDF2 of 120,000 iterations makes each guess cost 17 more. */
const levels = [
  { level: 'very-strong', bits: 75 },
  { level: 'strong', bits: 55 },
  { level: 'fair', bits: 35 },
] as const

/** The rest of a longer password counts nothing: what is before is enough. */
const maxExamined = 128
const maxWordLength = 24

/** What a character of a word in a natural language tells that those before it do not, with some reserve. */
const bitsWithinWord = 3.5

/** Rows of keys, Latin and Russian, and what else runs in order. */
const rows = [
  ...[
    'qwertyuiop',
    'asdfghjkl',
    'zxcvbnm',
    '1234567890',
    '0123456789',
    'abcdefghijklmnopqrstuvwxyz',
  ],
  ...[
    'йцукенгшщзхъ',
    'фывапролджэ',
    'ячсмитьбю',
    'абвгдеёжзийклмнопрстуфхцчшщъыьэюя',
    '1qaz2wsx3edc',
  ],
].flatMap((row) => [row, [...row].reverse().join('')])

const lookAlikes: Readonly<Record<string, string>> = {
  ...{ '@': 'a', '4': 'a', '3': 'e', '1': 'i', '!': 'i', '0': 'o', '5': 's', $: 's', '7': 't' },
}

/**
 * Estimates the cheapest way to write a password down as known parts (common passwords, words, rows of keys, repeats, years, what
 * is known of the owner) and single characters. Small rather than exact: it is for hints, and refuses nothing.
 */
export function estimateStrength(password: string, known: readonly string[] = []): Strength {
  const characters = [...password].slice(0, maxExamined)
  const own = partsOf(known)
  const single = Math.log2(poolOf(characters))
  // costs[n] is that of the first n characters.
  const costs = [0]
  for (let end = 1; end <= characters.length; end++) {
    let best = (costs[end - 1] ?? 0) + Math.min(single, characterBits(characters, end - 1))
    for (let begin = Math.max(0, end - maxExamined); begin <= end - 3; begin++) {
      const part = partBits(characters.slice(begin, end), own)
      if (part !== null) best = Math.min(best, (costs[begin] ?? 0) + part)
    }
    costs.push(best)
  }
  const bits = Math.floor(costs.at(-1) ?? 0)
  return { bits, level: levels.find((each) => bits >= each.bits)?.level ?? 'weak' }
}

/**
 * Returns what a character costs because of those before it. Lower case beside lower case is mostly a word, if in no list here;
 * a sign that was there before separates words.
 */
function characterBits(characters: readonly string[], at: number): number {
  const [before = '', character = ''] = [characters[at - 1], characters[at]]
  if (/[^\p{L}\p{N}]/u.test(character))
    return characters.indexOf(character) < at ? 1 : Number.POSITIVE_INFINITY
  const isSameCase = /^(?:\p{Ll}{2}|\p{Lu}{2})$/u.test(before + character)
  return isSameCase ? bitsWithinWord : Number.POSITIVE_INFINITY
}

/** Returns the bits of a part that is more than single characters, null for any other. */
function partBits(part: readonly string[], own: ReadonlySet<string>): number | null {
  const text = part.join('')
  const lower = text.toLowerCase()
  const found: number[] = []
  if (part.length <= maxWordLength) {
    const ranks = [lower, replaceLookAlikes(lower)].map((word) => rankOf(word, own))
    const rank = ranks.find((each) => each !== undefined)
    if (rank !== undefined) found.push(Math.log2(rank + 1) + caseBits(text, lower))
  }
  if (part.length <= maxWordLength && rows.some((row) => row.includes(lower)))
    found.push(Math.log2(rows.length * 10) + Math.log2(part.length) + caseBits(text, lower))
  const period = periodOf(part)
  if (period !== null) found.push(8 * period + Math.log2(part.length))
  if (/^(?:19|20)\d\d$/.test(text)) found.push(Math.log2(200))
  return found.length === 0 ? null : Math.min(...found)
}

function rankOf(word: string, own: ReadonlySet<string>): number | undefined {
  return own.has(word) ? 1 : listedWords().get(word)
}

/** One bit for a capital at the beginning or all in capitals, and more for any other mixture. */
function caseBits(text: string, lower: string): number {
  if (text === lower) return 0
  const isUsual = text === text.toUpperCase() || text.slice(1) === lower.slice(1)
  return isUsual ? 1 : Math.min(text.length, 8)
}

function replaceLookAlikes(text: string): string {
  return text.replace(/[@431!05$7]/g, (sign) => lookAlikes[sign] ?? sign)
}

/** Returns the length of what a part repeats two times or more, null if it repeats nothing. */
function periodOf(part: readonly string[]): number | null {
  for (let period = 1; period <= part.length / 2; period++) {
    if (part.length % period !== 0) continue
    if (part.every((character, at) => character === part[at % period])) return period
  }
  return null
}

/** Returns how many characters there are of the kinds that a password has. */
function poolOf(characters: readonly string[]): number {
  const text = characters.join('')
  const kinds: readonly (readonly [RegExp, number])[] = [
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/[0-9]/, 10],
    [/[ -/:-@[-`{-~]/, 33],
    [/[а-яё]/, 33],
    [/[А-ЯЁ]/, 33],
    [/[^ -~а-яёА-ЯЁ]/, 100],
  ]
  return kinds.reduce((sum, [kind, size]) => (kind.test(text) ? sum + size : sum), 0) || 1
}

let dictionary: ReadonlyMap<string, number> | null = null

/** Returns the ranks of words in lists, the commonest first. A word of a passphrase costs the choice of the whole list. */
function listedWords(): ReadonlyMap<string, number> {
  dictionary ??= new Map([
    ...passphraseWords().map((word) => [word, passphraseWords().length] as const),
    ...commonPasswords().map((word, rank) => [word, rank + 2] as const),
  ])
  return dictionary
}

/** Returns the parts of what is known of the owner, such as an email or a name, in lower case. */
function partsOf(known: readonly string[]): ReadonlySet<string> {
  const parts = known.flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}]+/u)])
  return new Set(parts.filter((part) => part.length >= 3).map((part) => part.toLowerCase()))
}
