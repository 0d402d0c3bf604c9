import type { Command } from 'commander'
import { type DatabaseLocation, parseDatabaseUrl } from '../src/config/database-url'
import { type Config, type ConfigInput, loadConfig } from '../src/config/load'
import { fileVariantOf } from '../src/config/secret-file'
import { type Settings, type SettingValues, settingTable } from '../src/config/settings'
import { settingsFileVariable } from '../src/config/settings-file'
import { InvalidSetting } from '../src/config/values'
import { DomainError } from '../src/domain/errors'
import { info } from './terminal'

/** Where the installation puts its settings. */
const defaultSettingsFile = '/etc/snailpass/snailpass.env'

/** The settings that matter to each command. */
const keysByCommand = new WeakMap<Command, readonly (keyof SettingValues)[]>()

/**
 * Gives a command `--config` and an option for each of these settings that has one. The others, which come
 * from the environment or the file alone, are listed below its options.
 */
export function withConfigOptions(
  command: Command,
  keys: readonly (keyof SettingValues)[],
): Command {
  keysByCommand.set(command, keys)
  command.option(
    '--config <file>',
    `read settings from this file of NAME=value lines (${settingsFileVariable}; default: ${defaultSettingsFile}, where it is there)`,
  )
  const others: string[] = []
  for (const key of keys) {
    const {
      flag,
      valueName = 'value',
      isRepeatable,
      meaning,
      defaultText,
      name,
      isSecret,
    } = settingTable[key]
    const names = isSecret === true ? `${name} or ${fileVariantOf(name)}` : name
    if (flag === undefined) others.push(`  ${names}\n    ${meaning} (default: ${defaultText})`)
    else {
      const many = isRepeatable === true ? '; may be repeated' : ''
      const text = `${meaning} (${name}; default: ${defaultText}${many})`
      command.option(`${flag} <${valueName}>`, text, isRepeatable === true ? joinValues : lastValue)
    }
  }
  if (others.length > 0) {
    command.addHelpText(
      'after',
      `\nIn the environment or the settings file alone; _FILE names a file that holds the secret:\n${others.join('\n')}`,
    )
  }
  return command
}

/** What an option holds that was given again. */
const joinValues = (text: string, previous?: string) =>
  previous === undefined ? text : `${previous},${text}`
const lastValue = (text: string) => text

/** The configuration of a command: its options, the environment, the file. Throws `invalid`. */
export function loadCommandConfig(command: Command): Config {
  return loadConfig(configInputOf(command))
}

/** Where the configuration of a command is to be read from. */
export function configInputOf(command: Command): ConfigInput {
  const options: Record<string, unknown> = command.opts()
  const text = (flag: string) => {
    const option = command.options.find(({ long }) => long === flag)
    const value = option === undefined ? undefined : options[option.attributeName()]
    return typeof value === 'string' ? value : undefined
  }
  const keys = keysByCommand.get(command) ?? []
  const flags = keys.flatMap((key) => {
    const { flag } = settingTable[key]
    return flag === undefined ? [] : [[key, text(flag)]]
  })
  return {
    environment: process.env,
    keys,
    file: text('--config') ?? null,
    defaultFile: defaultSettingsFile,
    flags: Object.fromEntries(flags),
  }
}

/** The settings of a command that ends by itself; warnings go to the terminal. Throws `invalid`. */
export function loadCommandSettings(command: Command): Settings {
  const { settings, warnings } = loadCommandConfig(command)
  for (const warning of warnings) info(`warning: ${warning}`)
  return settings
}

/** Reads an argument that is a database URL. Throws `invalid`, without a word of what could be a password. */
export function parseDatabaseUrlArgument(name: string, text: string): DatabaseLocation {
  try {
    return parseDatabaseUrl(text)
  } catch (error) {
    if (!(error instanceof InvalidSetting)) throw error
    throw new DomainError('invalid', `${name} ${error.message}`, { hint: error.hint })
  }
}
