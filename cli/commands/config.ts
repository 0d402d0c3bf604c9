import { Command } from 'commander'
import { readSettings, type SettingOrigin, type SettingsReport } from '../../src/config/reading'
import { settingKeys, settingTable } from '../../src/config/settings'
import { listErrors } from '../../src/domain/errors'
import { configInputOf, withConfigOptions } from '../config-options'
import { terminalWidth } from '../print-table'
import { formatSource, formatValue } from '../setting-values'
import { type Column, layOutTable, wrap } from '../table'
import { ExitError, exitCodeOf, info, out, outJson } from '../terminal'

export function configCommand(): Command {
  const command = new Command('config')
    .description('print every setting, its value and its source')
    .option('--json', 'print JSON')
  return withConfigOptions(command, settingKeys)
    .addHelpText(
      'after',
      `
Secrets are hidden. An invalid setting is printed with its problem, and the exit
code is 2.

Examples:
  snailpass config
  snailpass config --json --config /etc/snailpass/snailpass.env`,
    )
    .action((options: { json?: true }) => {
      const report = readSettings(configInputOf(command))
      if (options.json === true) {
        outJson(toJson(report))
        if (report.error !== null) throw new ExitError(exitCodeOf(report.error))
        return
      }
      printTable(report)
      for (const warning of report.warnings) info(`warning: ${warning}`)
      if (report.error !== null) throw report.error
    })
}

function toJson({ origins, file, warnings, error }: SettingsReport) {
  return {
    status: error === null ? 'ok' : 'invalid',
    file,
    settings: [...origins].map(([key, { source, from, displayValue, problem }]) => {
      const { name, meaning, isSecret = false } = settingTable[key]
      return { name, value: displayValue, source, from, meaning, is_secret: isSecret, problem }
    }),
    problems: error === null ? [] : listErrors(error).map(({ message }) => message),
    warnings,
  }
}

/** In columns. Longer lines are hard to read, even on a wide terminal. */
const maxWidth = 100

/** Prints each setting as a row of a table, with its meaning in the line below. */
function printTable({ origins, file }: SettingsReport): void {
  const columns = terminalWidth()
  const width = columns === null ? null : Math.min(columns, maxWidth)
  const entries = [...origins]
  const { header, rows: bodies } = layOutTable(settingColumns, entries, width)
  for (const line of header) out(line)
  for (const [index, [key, { name, from, source }]] of entries.entries()) {
    for (const line of bodies[index] ?? []) out(line)
    const { meaning, name: mainName } = settingTable[key]
    const hasMainName = source === 'default' || source === 'flag' || name === mainName
    const text = hasMainName ? meaning : `${meaning}; set as ${from}`
    for (const line of wrap(text, width === null ? null : width - indent.length)) {
      out(`${indent}${line}`)
    }
  }
  info(file === null ? 'No settings file was read.' : `Settings file: ${file}`)
}

const settingColumns: readonly Column<readonly [keyof typeof settingTable, SettingOrigin]>[] = [
  { title: 'SETTING', cell: ([key]) => settingTable[key].name },
  {
    title: 'FROM',
    cell: ([key, { source }]) => formatSource(key, source),
  },
  {
    title: 'VALUE',
    cell: ([key, origin]) => formatValue(origin, settingTable[key].defaultText),
    wraps: true,
  },
]

const indent = '    '
