import type { EnglishPlural, ParameterNames, RussianPlural } from './define-words'
import { accountWords } from './words/account'
import { commonWords } from './words/common'
import { generatorWords } from './words/generator'
import { importWords } from './words/import'
import { listWords } from './words/list'
import { problemWords } from './words/problems'
import { recordWords } from './words/record'
import { settingsWords } from './words/settings'
import { transferWords } from './words/transfer'
import { unlockWords } from './words/unlock'

const english = {
  ...{ ...commonWords.en, ...unlockWords.en, ...listWords.en, ...recordWords.en },
  ...{ ...generatorWords.en, ...importWords.en, ...transferWords.en, ...accountWords.en },
  ...{ ...settingsWords.en, ...problemWords.en },
}

const russian = {
  ...{ ...commonWords.ru, ...unlockWords.ru, ...listWords.ru, ...recordWords.ru },
  ...{ ...generatorWords.ru, ...importWords.ru, ...transferWords.ru, ...accountWords.ru },
  ...{ ...settingsWords.ru, ...problemWords.ru },
}

/** All messages, by language. */
export const dictionaries = { en: english, ru: russian } as const

export type Language = keyof typeof dictionaries

export const languages = ['en', 'ru'] as const satisfies readonly Language[]

type English = typeof english

export type MessageKey = keyof English

type Parameters<Key extends MessageKey> = {
  readonly [Name in ParameterNames<English[Key]>]: Name extends 'count' ? number : string | number
}

/** A message without parameters is translated by its key alone. */
type Arguments<Key extends MessageKey> = [ParameterNames<English[Key]>] extends [never]
  ? readonly []
  : readonly [parameters: Parameters<Key>]

export interface Translator {
  readonly language: Language
  /** Returns a message. Numbers are written as the language writes them. */
  translate<Key extends MessageKey>(key: Key, ...parameters: Arguments<Key>): string
  /** Returns a day, such as 14 November 2026. */
  formatDay(time: number): string
  formatTime(time: number): string
}

export function createTranslator(language: Language): Translator {
  const plurals = new Intl.PluralRules(language)
  const numbers = new Intl.NumberFormat(language, { useGrouping: 'min2' })
  const days = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, {
    dateStyle: 'long',
  })
  const times = new Intl.DateTimeFormat(language === 'en' ? 'en-GB' : language, {
    timeStyle: 'short',
  })
  return {
    language,
    formatDay: (time) => days.format(time),
    formatTime: (time) => times.format(time),
    translate(key, ...[parameters]) {
      const message: string | EnglishPlural | RussianPlural = dictionaries[language][key]
      const values = new Map<string, string | number>(Object.entries(parameters ?? {}))
      const text =
        typeof message === 'string'
          ? message
          : formOf(message, plurals.select(Number(values.get('count'))))
      return text.replaceAll(/\{(\w+)\}/g, (all, name) => {
        const value = values.get(name)
        return typeof value === 'number' ? numbers.format(value) : (value ?? all)
      })
    },
  }
}

function formOf(message: EnglishPlural | RussianPlural, category: Intl.LDMLPluralRule): string {
  const forms = new Map(Object.entries(message))
  return forms.get(category) ?? message.other
}

/** Returns the language to begin with, by what the browser prefers. */
export function chooseLanguage(preferred: readonly string[]): Language {
  const found = preferred
    .map((tag) => tag.toLowerCase().split('-')[0])
    .flatMap((tag) => languages.find((language) => language === tag) ?? [])
  return found[0] ?? 'en'
}
