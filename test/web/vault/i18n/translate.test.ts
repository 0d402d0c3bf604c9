import { expect, test } from 'bun:test'
import { defineWords } from '../../../../src/web/vault/i18n/define-words'
import {
  chooseLanguage,
  createTranslator,
  dictionaries,
  languages,
} from '../../../../src/web/vault/i18n/translate'

const [en, ru] = [createTranslator('en'), createTranslator('ru')]

/** Returns the texts of a message: one, or one for each form. */
const textsOf = (message: unknown) =>
  typeof message === 'string' ? [message] : Object.values(message as Record<string, string>)

const parametersIn = (text: string) => new Set(text.match(/\{\w+\}/g) ?? [])

test('has the same messages with the same parameters in both languages', () => {
  const { en: english, ru: russian } = dictionaries
  expect(Object.keys(russian)).toEqual(Object.keys(english))
  for (const [key, message] of Object.entries(russian)) {
    const other = new Map<string, unknown>(Object.entries(english)).get(key)
    const expected = parametersIn(textsOf(other).join(' '))
    // All forms together, since one of them may leave its number out: "the new one".
    const found = parametersIn(textsOf(message).join(' '))
    expect({ key, parameters: found }).toEqual({ key, parameters: expected })
  }
})

test('leaves no English in Russian, and writes with the typography of each language', () => {
  // Names of programs and formats, and what stands on keys.
  const names =
    /SnailPass|Bitwarden|KeePassXC|LastPass|1Password|Chrome|Edge|Firefox|Safari|Windows|Android|JSON|CSV|UTF-8|HTTPS?|SHA-256|SHA256SUMS|SSH|MIT|Caps Lock|otpauth|English|[aA]–[zZ]|l, I, 1, O, 0|\{\w+\}/g
  for (const [key, message] of Object.entries(dictionaries.ru)) {
    if (key === 'place.lock.key') continue
    for (const text of textsOf(message)) {
      const latin = text.replaceAll(names, '').match(/[A-Za-z]+/g) ?? []
      expect({ key, latin }).toEqual({ key, latin: [] })
    }
  }
  const all = languages.flatMap((language) => Object.entries(dictionaries[language]))
  const wrong = all.filter(([, message]) =>
    textsOf(message).some((text) => /[!"']|\.\.\.| {2}|^\s|\s$/.test(text.replace('! # $', ''))),
  )
  expect(wrong).toEqual([])
})

test('chooses the form for a number', () => {
  const numbers = [0, 1, 2, 5, 11, 21, 22, 25, 101, 111, 1001]
  expect(numbers.map((count) => ru.translate('common.minutes', { count }))).toEqual([
    ...['0 минут', '1 минута', '2 минуты', '5 минут', '11 минут', '21 минута', '22 минуты'],
    ...['25 минут', '101 минута', '111 минут', '1001 минута'],
  ])
  expect(ru.translate('common.minutes', { count: 1.5 })).toBe('1,5 минуты')
  expect([0, 1, 2, 1043, 12043].map((count) => en.translate('common.minutes', { count }))).toEqual([
    ...['0 minutes', '1 minute', '2 minutes', '1043 minutes', '12,043 minutes'],
  ])
})

test('puts parameters in as they are', () => {
  const name = '{count} <b>$&</b>'
  expect(en.translate('clipboard.copied-password', { name })).toBe(`Password of ${name} copied`)
  expect(ru.translate('clipboard.copied-password', { name })).toBe(`Пароль «${name}» скопирован`)
  expect(en.translate('common.save')).toBe('Save')
})

test('writes days and times as the language does', () => {
  const time = new Date(2026, 10, 14, 19, 5).getTime()
  expect([en.formatDay(time), ru.formatDay(time)]).toEqual([
    '14 November 2026',
    '14 ноября 2026 г.',
  ])
  expect([en.formatTime(time), ru.formatTime(time)]).toEqual(['19:05', '19:05'])
})

test('begins with the first language of the browser that it has', () => {
  expect(['ru-RU', 'de', 'en-US'].map((tag) => chooseLanguage([tag]))).toEqual(['ru', 'en', 'en'])
  expect(chooseLanguage(['de-AT', 'ru', 'en'])).toBe('ru')
  expect(chooseLanguage([])).toBe('en')
})

test('refuses by type what a translation lacks, or has besides', () => {
  const words = { a: 'A', b: { one: '{count} of {name}', other: '{count}' } } as const
  const plural = { one: '1', few: '2', many: '5', other: '{count}' } as const
  expect(defineWords({ en: words, ru: { a: 'А', b: plural } }).ru.a).toBe('А')
  // @ts-expect-error: no translation of `b`
  defineWords({ en: words, ru: { a: 'А' } })
  // @ts-expect-error: a plural without its forms
  defineWords({ en: words, ru: { a: 'А', b: { one: '1', other: '2' } } })
  // @ts-expect-error: a parameter that the message does not have
  defineWords({ en: words, ru: { a: 'А {name}', b: plural } })
  // @ts-expect-error: a key that there is not
  expect(() => en.translate('nothing')).toThrow()
  // @ts-expect-error: a parameter is missing
  en.translate('unlock.hint')
  // @ts-expect-error: a number has to be one
  en.translate('common.minutes', { count: '1' })
})
