import { devNull } from 'node:os'
import { allSettingNamesOf } from './layers'
import { readSettings, type SettingOrigins, type SettingsInput } from './reading'
import { type Settings, settingTable } from './settings'
import { settingsFileVariable } from './settings-file'
import type { Environment } from './values'

export interface Config {
  readonly settings: Settings
  readonly origins: SettingOrigins
  /** What the operator should know of; none of it stops a start. */
  readonly warnings: readonly string[]
}

export type ConfigInput = SettingsInput

/**
 * Reads every setting from where it is set, checks all of them, and reports every problem at once.
 * Throws `invalid`.
 */
export function loadConfig(input: ConfigInput): Config {
  const { settings, origins, warnings, error } = readSettings(input)
  if (error !== null) throw error
  return Object.freeze({ settings: Object.freeze(settings), origins, warnings })
}

/**
 * The environment in which a child process goes by the very same settings: each that is set, secrets included, and
 * no settings file. Of this process's own environment the rest comes with it.
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
