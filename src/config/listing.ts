import { findSetting, type Layer } from './layers'
import { type SettingValues, settingKeys, settingTable } from './settings'
import {
  type Environment,
  formatForDisplay,
  InvalidSetting,
  type ListedSetting,
  Secret,
  type Setting,
} from './values'

/** Returns every setting, in the order of the table, with its value and where that came from. */
export function listSettings(
  flags: Readonly<Partial<Record<keyof SettingValues, string | undefined>>>,
  layers: readonly Layer[],
  environment: Environment,
): readonly ListedSetting[] {
  const listed = <Key extends keyof SettingValues>(key: Key): ListedSetting => {
    const setting: Setting<SettingValues[Key]> = settingTable[key]
    const { name, isSecret = false, defaultText } = setting
    const found = findSetting(setting, flags[key], layers)
    if (found === null) {
      if ((setting.findDefaultProblem?.(environment) ?? null) !== null)
        return { name, text: null, source: 'default', secret: null }
      const text = formatForDisplay(setting, setting.default(environment)) || defaultText
      return { name, text, source: 'default', secret: null }
    }
    const { source } = found
    try {
      const { text } = found.read()
      const displayValue = formatForDisplay(setting, setting.parse(text))
      return { name, text: displayValue, source, secret: isSecret ? new Secret(text) : null }
    } catch (error) {
      if (!(error instanceof InvalidSetting)) throw error
      return { name, text: null, source, secret: null }
    }
  }
  return settingKeys.map(listed)
}
