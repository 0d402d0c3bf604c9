import { devNull } from 'node:os'
import { type Origins, type ReadingInput, readSettings } from './reading'
import { type Settings, settings } from './settings'
import { fileVariable } from './settings-file'

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
 * no settings file. It takes the place of every name of a setting in this process's own environment.
 */
export function environmentOf({ origins }: Pick<Config, 'origins'>): Record<string, string> {
  const environment: Record<string, string> = { [fileVariable]: devNull }
  for (const [key, { text }] of origins) {
    if (text !== null) environment[settings[key].name] = text.reveal()
  }
  return environment
}
