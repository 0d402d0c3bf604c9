import { expect, test } from 'bun:test'
import { languages } from '../../../../src/web/vault/i18n/translate'
import {
  clipboardChoices,
  lockChoices,
  openPreferences,
  themes,
} from '../../../../src/web/vault/state/settings'

function aStorage(text: string | null = null) {
  const stored = new Map(text === null ? [] : [['snailpass.settings', text]])
  return {
    stored,
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
  }
}

test('offers these choices, of which one is the default', () => {
  expect<readonly number[]>(lockChoices).toEqual([1, 2, 5, 10, 15, 30, 60])
  expect<readonly number[]>(clipboardChoices).toEqual([15, 30, 60, 120, 0])
  const { lockWhenHidden, hasSingleKeys } = openPreferences(null, [])
  expect([lockWhenHidden.value, hasSingleKeys.value]).toEqual([false, true])
})

test('has each choice again', () => {
  const choices = {
    ...{ lockMinutes: lockChoices, clipboardSeconds: clipboardChoices, language: languages },
    ...{ theme: themes, lockWhenHidden: [true, false], hasSingleKeys: [true, false] },
  }
  for (const [name, values] of Object.entries(choices)) {
    for (const value of values) {
      const settings = openPreferences(aStorage(JSON.stringify({ [name]: value })), ['en'])
      const found = new Map<string, { readonly value: unknown }>(Object.entries(settings))
      expect([name, found.get(name)?.value]).toEqual([name, value])
    }
  }
})

test('begins with the defaults and the language of the browser, and stores nothing', () => {
  const storage = aStorage()
  const { lockMinutes, clipboardSeconds, language, theme } = openPreferences(storage, ['ru-RU'])
  const values = [lockMinutes, clipboardSeconds, language, theme].map((setting) => setting.value)
  expect(values).toEqual([10, 30, 'ru', 'system'])
  expect(storage.stored.size).toBe(0)
})

test('has the settings again that were chosen', () => {
  const storage = aStorage()
  const first = openPreferences(storage, ['en'])
  first.lockMinutes.value = 60
  first.clipboardSeconds.value = 0
  first.theme.value = 'dark'
  first.hasSingleKeys.value = false
  const again = openPreferences(storage, ['en'])
  const values = [...[again.lockMinutes, again.clipboardSeconds, again.theme, again.hasSingleKeys]]
  expect(values.map((setting): unknown => setting.value)).toEqual([60, 0, 'dark', false])
})

test('takes nothing else from the storage', () => {
  for (const text of [
    '',
    '[',
    'null',
    '7',
    '{"lockMinutes":100000,"theme":"<b>","language":"de"}',
  ]) {
    const { lockMinutes, theme, language } = openPreferences(aStorage(text), [])
    expect([lockMinutes.value, theme.value, language.value]).toEqual([10, 'system', 'en'])
  }
})

test('works in a browser that stores nothing', () => {
  const refuse = () => {
    throw new Error('SecurityError')
  }
  const preferences = openPreferences({ getItem: refuse, setItem: refuse }, ['en'])
  preferences.theme.value = 'light'
  expect(preferences.theme.value).toBe('light')
})
