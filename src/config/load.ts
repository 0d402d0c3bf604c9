import { devNull } from 'node:os'
import { allSettingNamesOf } from './layers'
import { readSettings, type SettingOrigins, type SettingsInput } from './reading'
import { type Settings, settingTable } from './settings'
import { settingsFileVariable } from './settings-file'
import type { Environment } from './values'

/**
 * Settings: environment, settings file and flags become one frozen, typed value. Every problem is reported at once, and each
 * value knows where it came from.
 */
export interface Config {
  readonly settings: Settings
  readonly origins: SettingOrigins
  /** Texts for the operator. They do not stop the program. */
  readonly warnings: readonly string[]
}

export type ConfigInput = SettingsInput

/**
 * Reads and checks every setting. Throws one `invalid` error with all problems.
 */
export function loadConfig(input: ConfigInput): Config {
  const { settings, origins, warnings, error } = readSettings(input)
  if (error !== null) throw error
  return Object.freeze({ settings: Object.freeze(settings), origins, warnings })
}

/**
 * Returns the environment for a child process that must use the same settings: every setting that is set, including secrets,
 * and no settings file. All other variables of `parentEnvironment` are kept.
 */
export function createChildEnvironment(
  { origins }: Pick<Config, 'origins'>,
  parentEnvironment: Environment = {},
): Record<string, string | undefined> {
  const names = new Set(Object.values(settingTable).flatMap(allSettingNamesOf))
  const others = Object.entries(parentEnvironment).filter(([name]) => !names.has(name))
  const environment: Record<string, string | undefined> = {
    ...Object.fromEntries(others),
    [settingsFileVariable]: devNull,
  }
  for (const [key, { text }] of origins) {
    if (text !== null) environment[settingTable[key].name] = text.reveal()
  }
  return environment
}
