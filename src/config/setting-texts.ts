import { allSettingNamesOf } from './layers'
import type { SettingsInput, SettingsReport } from './reading'
import { type SettingValues, settingKeys, settingTable } from './settings'
import { settingsFileVariable } from './settings-file'
import type { Environment } from './values'

/** A text that somebody has set. */
export interface SettingText {
  /** The setting; null for a name that is none, which may be a misspelt one. */
  readonly key: keyof SettingValues | null
  readonly isSecret: boolean
  readonly text: string
}

/**
 * Returns every text that is set anywhere, also if it is invalid, or has no effect because the setting is set elsewhere as well.
 * For a program that must know what not to show. `report` is null if the settings file can't be read.
 */
export function listSettingTexts(
  { environment, flags, file, defaultFile }: SettingsInput,
  report: Pick<SettingsReport, 'fileTexts' | 'origins'> | null,
): readonly SettingText[] {
  const paths = [file, defaultFile, environment[settingsFileVariable]]
  return [
    ...settingKeys.map((key) => ({ key, isSecret: false, text: flags[key] ?? '' })),
    ...paths.map((path) => ({ key: null, isSecret: false, text: path ?? '' })),
    ...listTexts(environment, (name) => /^snailpass_/i.test(name)),
    ...listTexts(report?.fileTexts() ?? {}, () => true),
    ...[...(report?.origins ?? [])].map(([key, origin]) => ({
      key,
      isSecret: settingTable[key].isSecret === true,
      // From a file, if the setting names one.
      text: origin.text?.reveal() ?? '',
    })),
  ].filter(({ text }) => text !== '')
}

/** The settings by all their names. `isPath`: that of a file with the secret. */
const keysByName: ReadonlyMap<string, { key: keyof SettingValues; isPath: boolean }> = new Map(
  settingKeys.flatMap((key) => {
    const { name, alias } = settingTable[key]
    return allSettingNamesOf(settingTable[key]).map((each) => [
      each,
      { key, isPath: each !== name && each !== alias },
    ])
  }),
)

/** `isOurs` says whether a name that is no setting may be meant as one. Then its text may be a secret. */
function listTexts(texts: Environment, isOurs: (name: string) => boolean): readonly SettingText[] {
  return Object.entries(texts).flatMap(([name, text = '']): readonly SettingText[] => {
    if (name === settingsFileVariable) return []
    const found = keysByName.get(name.toUpperCase())
    if (found === undefined) return isOurs(name) ? [{ key: null, isSecret: true, text }] : []
    const { key, isPath } = found
    return [{ key, isSecret: !isPath && settingTable[key].isSecret === true, text }]
  })
}
