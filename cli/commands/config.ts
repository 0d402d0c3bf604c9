import { Command } from 'commander'
import { type Origin, type Reading, readSettings } from '../../src/config/reading'
import { settingKeys, settings } from '../../src/config/settings'
import { configInputOf, withConfigOptions } from '../config-options'
import { layOut, wrap } from '../table'
import { print, printJson, tell } from '../terminal'

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
      const reading = readSettings(configInputOf(command))
      if (options.json === true) printJson(objectsOf(reading))
      else printTable(reading)
      for (const warning of reading.warnings) tell(`warning: ${warning}`)
      if (reading.problem !== null) throw reading.problem
    })
}

function objectsOf({ origins }: Reading): readonly unknown[] {
  return [...origins].map(([key, { source, from, shown, problem }]) => {
    const { name, meaning, isSecret = false } = settings[key]
    return { name, value: shown, source, from, meaning, isSecret, problem }
  })
}

/** Longer lines are hard to read, however wide the terminal is. */
const widest = 100

/** Each setting in a row of the table, and what it means below. */
function printTable({ origins, file }: Reading): void {
  const { columns } = process.stdout
  const width = columns === undefined ? null : Math.min(columns, widest)
  const entries = [...origins]
  const rows = entries.map(([key, origin]) => [
    settings[key].name,
    origin.source === 'flag' ? (settings[key].flag ?? 'flag') : origin.source,
    textOf(origin, settings[key].defaultText),
  ])
  const [header = [], ...bodies] = layOut([['SETTING', 'FROM', 'VALUE'], ...rows], width)
  for (const line of header) print(line)
  for (const [index, [key, { name, from, source }]] of entries.entries()) {
    for (const line of bodies[index] ?? []) print(line)
    const { meaning, name: own } = settings[key]
    const isOwnName = source === 'default' || source === 'flag' || name === own
    const text = isOwnName ? meaning : `${meaning}; set as ${from}`
    for (const line of wrap(text, width === null ? null : width - indent.length)) {
      print(`${indent}${line}`)
    }
  }
  tell(file === null ? 'No settings file was read.' : `The settings file is ${file}.`)
}

const indent = '    '

function textOf({ source, shown, problem }: Origin, defaultText: string): string {
  if (problem !== null) return `wrong: ${problem}`
  // In words where there is nothing to write down.
  return source === 'default' && (shown === null || shown === '')
    ? `(${defaultText})`
    : (shown ?? '')
}
