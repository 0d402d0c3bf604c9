import { devNull } from 'node:os'
import { everyNameOf } from './find'
import { type Origins, type ReadingInput, readSettings } from './reading'
import { type Settings, settings } from './settings'
import { fileVariable } from './settings-file'
import type { Environment } from './values'

export interface Config {
  readonly settings: Settings
  readonly origins: Origins
  /** What the operator should know of; none of it stops a start. */
  readonly warnings: readonly string[]
}

export type ConfigInput = ReadingInput

/**
 * Reads every setting from where it is set, checks all of them, and reports every problem at once.
 * Throws `invalid`.
 */
export function loadConfig(input: ConfigInput): Config {
  const { settings, origins, warnings, problem } = readSettings(input)
  if (problem !== null) throw problem
  return Object.freeze({ settings: Object.freeze(settings), origins, warnings })
}

/**
 * The environment in which a child process goes by the very same settings: each that is set, secrets included, and
 * no settings file. Of this process's own environment the rest comes with it.
 */
export function environmentOf(
  { origins }: Pick<Config, 'origins'>,
  own: Environment = {},
): Record<string, string | undefined> {
  const names = new Set(Object.values(settings).flatMap(everyNameOf))
  const others = Object.entries(own).filter(([name]) => !names.has(name))
  const environment: Record<string, string | undefined> = {
    ...Object.fromEntries(others),
    [fileVariable]: devNull,
  }
  for (const [key, { text }] of origins) {
    if (text !== null) environment[settings[key].name] = text.reveal()
  }
  return environment
}
