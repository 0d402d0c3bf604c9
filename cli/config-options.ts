import type { Command } from 'commander'
import { type DatabaseLocation, parseDatabaseUrl } from '../src/config/database-url'
import { type Config, loadConfig } from '../src/config/load'
import { type Settings, type SettingValues, settings } from '../src/config/settings'
import { InvalidSetting } from '../src/config/values'
import { DomainError } from '../src/domain/errors'
import { tell } from './terminal'

/** The settings that matter to each command. */
const keysOf = new WeakMap<Command, readonly (keyof SettingValues)[]>()

/**
 * Gives a command `--config` and an option for each of these settings that has one. The others, which come
 * from the environment or the file alone, are listed below its options.
 */
export function withConfigOptions(
  command: Command,
  keys: readonly (keyof SettingValues)[],
): Command {
  keysOf.set(command, keys)
  command.option('--config <file>', 'read settings from a file of NAME=value lines')
  const others: string[] = []
  for (const key of keys) {
    const { flag, meaning, defaultText, name } = settings[key]
    if (flag === undefined) others.push(`  ${name}\n    ${meaning} (default: ${defaultText})`)
    else command.option(`${flag} <value>`, `${meaning} (${name}; default: ${defaultText})`)
  }
  if (others.length > 0) {
    command.addHelpText(
      'after',
      `\nIn the environment or the settings file alone:\n${others.join('\n')}`,
    )
  }
  return command
}

/** The configuration of a command: its options, the environment, the file. Throws `invalid`. */
export function configOf(command: Command): Config {
  const options: Record<string, unknown> = command.opts()
  const text = (name: string) => {
    const value = options[name]
    return typeof value === 'string' ? value : undefined
  }
  return loadConfig({
    environment: process.env,
    keys: keysOf.get(command) ?? [],
    file: text('config') ?? null,
    flags: { dataDir: text('dataDir'), listen: text('listen'), logFormat: text('logFormat') },
  })
}

/** The settings of a command that ends by itself; warnings go to the terminal. Throws `invalid`. */
export function settingsOf(command: Command): Settings {
  const { settings, warnings } = configOf(command)
  for (const warning of warnings) tell(`warning: ${warning}`)
  return settings
}

/** Reads an argument that is a database URL. Throws `invalid`, without a word of what could be a password. */
export function databaseUrlArgument(name: string, text: string): DatabaseLocation {
  try {
    return parseDatabaseUrl(text)
  } catch (error) {
    if (!(error instanceof InvalidSetting)) throw error
    throw new DomainError('invalid', `${name} ${error.message}`, { hint: error.hint })
  }
}
