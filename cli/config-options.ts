import type { Command } from 'commander'
import { type Config, loadConfig } from '../src/config/load'
import { type Settings, settings } from '../src/config/settings'

/** Gives a command `--config` and the options of these settings, whose help is that of the settings. */
export function withConfigOptions(command: Command, keys: readonly (keyof Settings)[]): Command {
  command.option('--config <file>', 'read settings from a file of NAME=value lines')
  for (const key of keys) {
    const { flag, meaning, defaultText, name } = settings[key]
    if (flag === undefined) throw new Error(`${name} has no option`)
    command.option(`${flag} <value>`, `${meaning} (${name}; default: ${defaultText})`)
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
    file: text('config') ?? null,
    flags: { dataDir: text('dataDir'), listen: text('listen'), logFormat: text('logFormat') },
  })
}
