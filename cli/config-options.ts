import type { Command } from 'commander'
import { type Config, loadConfig } from '../src/config/load'
import { type Settings, settings } from '../src/config/settings'

/**
 * Gives a command `--config` and an option for each of these settings that has one. The others, which come
 * from the environment or the file alone, are listed below its options.
 */
export function withConfigOptions(command: Command, keys: readonly (keyof Settings)[]): Command {
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
    file: text('config') ?? null,
    flags: { dataDir: text('dataDir'), listen: text('listen'), logFormat: text('logFormat') },
  })
}
