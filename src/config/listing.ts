import { findSetting, type Layer, type SettingSource } from './layers'
import { type SettingValues, settingKeys, settingTable } from './settings'
import { type Environment, formatForDisplay, InvalidSetting, Secret, type Setting } from './values'

/** A setting as it is told of, whether or not it matters to whoever reads the others, and whether or not it is valid. */
export interface ListedSetting {
  readonly name: string
  /** As people may see it: secrets are hidden, a default is told in words where it is nothing to write down. Null for what is wrong. */
  readonly text: string | null
  readonly source: SettingSource
  /** The whole text of one that holds a secret; null for others, and where nothing is set. */
  readonly secret: Secret | null
}

/** Every setting, from where it is set. */
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
      const text = formatForDisplay(setting, setting.default(environment)) || defaultText
      return { name, text, source: 'default', secret: null }
    }
    const { source } = found
    try {
      const { text } = found.read()
      const shown = formatForDisplay(setting, setting.parse(text))
      return { name, text: shown, source, secret: isSecret ? new Secret(text) : null }
    } catch (error) {
      if (!(error instanceof InvalidSetting)) throw error
      return { name, text: null, source, secret: null }
    }
  }
  return settingKeys.map(listed)
}
