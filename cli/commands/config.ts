import { Command } from 'commander'
import { readSettings, type SettingOrigin, type SettingsReport } from '../../src/config/reading'
import { settingKeys, settingTable } from '../../src/config/settings'
import { configInputOf, withConfigOptions } from '../config-options'
import { layOut, wrap } from '../table'
import { info, out, outJson } from '../terminal'

export function configCommand(): Command {
  const command = new Command('config')
    .description('print every setting, its value and where that came from')
    .option('--json', 'print an array of objects')
  return withConfigOptions(command, settingKeys)
    .addHelpText(
      'after',
      `
Secrets are hidden. Settings that are wrong are printed with what is wrong, and then the exit
code is 2. Each object of --json has name, value (null for none), source (flag, environment,
file or default), from (the name that was used, with the file that it stands in; null for a
default), meaning, isSecret, and problem (null for none).

Examples:
  snailpass config
  snailpass config --json --config /etc/snailpass/snailpass.env`,
    )
    .action((options: { json?: true }) => {
      const report = readSettings(configInputOf(command))
      if (options.json === true) outJson(objectsOf(report))
      else printTable(report)
      for (const warning of report.warnings) info(`warning: ${warning}`)
      if (report.error !== null) throw report.error
    })
}

function objectsOf({ origins }: SettingsReport): readonly unknown[] {
  return [...origins].map(([key, { source, from, displayValue, problem }]) => {
    const { name, meaning, isSecret = false } = settingTable[key]
    return { name, value: displayValue, source, from, meaning, isSecret, problem }
  })
}

/** Longer lines are hard to read, however wide the terminal is. */
const maxWidth = 100

/** Each setting in a row of the table, and what it means below. */
function printTable({ origins, file }: SettingsReport): void {
  const { columns } = process.stdout
  const width = columns === undefined ? null : Math.min(columns, maxWidth)
  const entries = [...origins]
  const rows = entries.map(([key, origin]) => [
    settingTable[key].name,
    origin.source === 'flag' ? (settingTable[key].flag ?? 'flag') : origin.source,
    textOf(origin, settingTable[key].defaultText),
  ])
  const [header = [], ...bodies] = layOut([['SETTING', 'FROM', 'VALUE'], ...rows], width)
  for (const line of header) out(line)
  for (const [index, [key, { name, from, source }]] of entries.entries()) {
    for (const line of bodies[index] ?? []) out(line)
    const { meaning, name: own } = settingTable[key]
    const isOwnName = source === 'default' || source === 'flag' || name === own
    const text = isOwnName ? meaning : `${meaning}; set as ${from}`
    for (const line of wrap(text, width === null ? null : width - indent.length)) {
      out(`${indent}${line}`)
    }
  }
  info(file === null ? 'No settings file was read.' : `The settings file is ${file}.`)
}

const indent = '    '

function textOf({ source, displayValue, problem }: SettingOrigin, defaultText: string): string {
  if (problem !== null) return `wrong: ${problem}`
  // In words where there is nothing to write down.
  return source === 'default' && (displayValue === null || displayValue === '')
    ? `(${defaultText})`
    : (displayValue ?? '')
}
