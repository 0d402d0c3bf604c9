import type { Command } from 'commander'
import { requireOpenFiles } from '../src/app/open-files'
import { systemRuntime } from '../src/app/runtime'
import { openTargets, type Targets, workAsOwner } from '../src/app/targets'
import { type DatabaseLocation, parseDatabaseUrl } from '../src/config/database-url'
import { type Config, type ConfigInput, loadConfig } from '../src/config/load'
import { fileVariantOf } from '../src/config/secret-file'
import { type Settings, type SettingValues, settingTable } from '../src/config/settings'
import { settingsFileVariable } from '../src/config/settings-file'
import { namingSetting } from '../src/config/values'
import { warn } from './report'

/** Where `snailpass service install` puts the settings. None on Windows, where every user could create that path. */
function defaultSettingsFile(): string | null {
  return process.platform === 'win32' ? null : '/etc/snailpass/snailpass.env'
}

/** The settings that each command reads. */
const keysByCommand = new WeakMap<Command, readonly (keyof SettingValues)[]>()

/**
 * Adds `--config` and the options of these settings to a command. Settings without an option, which are read from the
 * environment or the settings file only, are listed below the options in its help.
 */
export function withConfigOptions(
  command: Command,
  keys: readonly (keyof SettingValues)[],
): Command {
  keysByCommand.set(command, keys)
  const defaultFile = defaultSettingsFile()
  const defaultNote = defaultFile === null ? '' : `; default: ${defaultFile}, if it exists`
  command.option(
    '--config <file>',
    `read settings from this file of NAME=value lines (${settingsFileVariable}${defaultNote})`,
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
      const repeatable = isRepeatable === true ? '; may be repeated' : ''
      const text = `${meaning} (${name}; default: ${defaultText}${repeatable})`
      command.option(`${flag} <${valueName}>`, text, isRepeatable === true ? joinValues : lastValue)
    }
  }
  if (others.length > 0) {
    command.addHelpText(
      'after',
      `\nSettings for the environment or settings file only. NAME_FILE reads a secret from a file.\n${others.join('\n')}`,
    )
  }
  return command
}

/** How commander combines the values of an option that is given several times. */
const joinValues = (text: string, previous?: string) =>
  previous === undefined ? text : `${previous},${text}`
const lastValue = (text: string) => text

/** Returns the configuration of a command, read from its options, the environment and the settings file. Throws `invalid`. */
export function loadCommandConfig(command: Command): Config {
  return loadConfig(configInputOf(command))
}

/** Returns the sources from which the configuration of a command is read. */
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
    defaultFile: defaultSettingsFile(),
    flags: Object.fromEntries(flags),
  }
}

/** Returns the settings of a command other than `serve`, and prints their warnings to stderr. Throws `invalid`. */
function loadCommandSettings(command: Command): Settings {
  const { settings, warnings } = loadCommandConfig(command)
  for (const warning of warnings) warn(warning)
  return settings
}

/**
 * Opens the targets that the settings of such a command name. Run by root, the command then works as the owner of the data
 * folder, unless it also writes to `places` of anyone else. Throws `invalid`, and `unavailable` if it may open too few files.
 */
export function openCommandTargets(command: Command, places: readonly string[] = []): Targets {
  const settings = loadCommandSettings(command)
  requireOpenFiles('command')
  workAsOwner(settings, places)
  return openTargets(settings, systemRuntime)
}

/** Parses an argument that is a database URL. Throws `invalid`; the message does not repeat the URL, which may contain a password. */
export function parseDatabaseUrlArgument(name: string, text: string): DatabaseLocation {
  return namingSetting(name, () => parseDatabaseUrl(text))
}
