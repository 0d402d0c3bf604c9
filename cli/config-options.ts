import type { Command } from 'commander'
import { requireOpenFiles } from '../src/app/open-files'
import { systemRuntime } from '../src/app/runtime'
import { openTargets, type Targets, workAsOwner } from '../src/app/targets'
import { type DatabaseLocation, parseDatabaseUrl } from '../src/config/database-url'
import { type Config, type ConfigInput, loadConfig } from '../src/config/load'
import { type Settings, type SettingValues, settingTable } from '../src/config/settings'
import { namingSetting } from '../src/config/values'
import { warn } from './report'

/** Where `snailpass service install` puts the settings. None on Windows, where every user could create that path. */
function defaultSettingsFile(): string | null {
  return process.platform === 'win32' ? null : '/etc/snailpass/snailpass.env'
}

/** The settings that each command reads. */
const keysByCommand = new WeakMap<Command, readonly (keyof SettingValues)[]>()

/** What the help of every command with settings says below its options. */
export const settingsNote =
  'Without an option, its setting counts: snailpass config prints all settings.'

/** Adds `--config` and the options of these settings to a command. The others are in no help: `snailpass config` prints them. */
export function withConfigOptions(
  command: Command,
  keys: readonly (keyof SettingValues)[],
): Command {
  keysByCommand.set(command, keys)
  const defaultFile = defaultSettingsFile()
  const defaultNote = defaultFile === null ? '' : ` (default: ${defaultFile})`
  command.option('--config <file>', `settings file${defaultNote}`)
  for (const key of keys) {
    const { option } = settingTable[key]
    if (option === undefined) continue
    const { flag, valueName, summary, isRepeatable } = option
    command.option(
      `${flag} <${valueName}>`,
      summary,
      isRepeatable === true ? joinValues : lastValue,
    )
  }
  return command.addHelpText('after', `\n${settingsNote}`)
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
    const { option } = settingTable[key]
    return option === undefined ? [] : [[key, text(option.flag)]]
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
