/**
 * What the page knows and does, without a screen: the open vault and its changes, locking, the clipboard, where one is, settings.
 * Signals hold what screens show. Clock, storage and browser are arguments, so tests need none.
 */
import { effect, type Signal, signal } from '@preact/signals'
import { chooseLanguage, type Language, languages } from '../i18n/translate'

export const lockChoices = [1, 2, 5, 10, 15, 30, 60] as const
/** Seconds; 0 for never. */
export const clipboardChoices = [15, 30, 60, 120, 0] as const
export const themes = ['system', 'light', 'dark'] as const

export type Theme = (typeof themes)[number]

/** Preferences of this browser. They are all that is kept here, and tell nothing of a vault. */
export interface Preferences {
  readonly lockMinutes: Signal<number>
  readonly lockWhenHidden: Signal<boolean>
  readonly clipboardSeconds: Signal<number>
  /** Keys that act without Ctrl: voice control and unsteady hands press them by mistake. */
  readonly hasSingleKeys: Signal<boolean>
  readonly language: Signal<Language>
  readonly theme: Signal<Theme>
}

export type PreferencesStorage = Pick<Storage, 'getItem' | 'setItem'>

const key = 'snailpass.settings'

/** Reads the settings, and writes each change. A browser that stores nothing has the defaults. */
export function openPreferences(
  storage: PreferencesStorage | null,
  preferredLanguages: readonly string[],
): Preferences {
  const stored = readStored(storage)
  const oneOf = <Value>(name: string, values: readonly Value[], other: Value): Signal<Value> =>
    signal(values.find((value) => value === stored.get(name)) ?? other)
  const settings: Preferences = {
    lockMinutes: oneOf<number>('lockMinutes', lockChoices, 10),
    lockWhenHidden: oneOf('lockWhenHidden', [true, false], false),
    clipboardSeconds: oneOf<number>('clipboardSeconds', clipboardChoices, 30),
    hasSingleKeys: oneOf('hasSingleKeys', [true, false], true),
    language: oneOf('language', languages, chooseLanguage(preferredLanguages)),
    theme: oneOf<Theme>('theme', themes, 'system'),
  }
  let isFirst = true
  effect(() => {
    const values = Object.entries(settings).map(([name, setting]) => [name, setting.value])
    if (!isFirst) write(storage, JSON.stringify(Object.fromEntries(values)))
    isFirst = false
  })
  return settings
}

function readStored(storage: PreferencesStorage | null): ReadonlyMap<string, unknown> {
  try {
    const stored: unknown = JSON.parse(storage?.getItem(key) ?? '{}')
    return new Map(Object.entries(stored ?? {}))
  } catch {
    return new Map()
  }
}

function write(storage: PreferencesStorage | null, text: string): void {
  try {
    storage?.setItem(key, text)
  } catch {
    // A full or forbidden storage costs nothing but the setting.
  }
}
