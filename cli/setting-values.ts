import type { SettingOrigin } from '../src/config/reading'
import { type SettingValues, settingTable } from '../src/config/settings'

/** Returns where the value of a setting comes from: its option, if that is given. */
export function formatSource(key: keyof SettingValues, source: SettingOrigin['source']): string {
  return source === 'flag' ? (settingTable[key].option?.flag ?? 'flag') : source
}

/** Returns the value of a setting with secrets hidden, or its problem. A default without a value is described in words. */
export function formatValue(
  { source, displayValue, problem }: SettingOrigin,
  defaultText: string,
): string {
  if (problem !== null) return `invalid: ${problem}`
  return source === 'default' && (displayValue === null || displayValue === '')
    ? `(${defaultText})`
    : (displayValue ?? '')
}
