import type { MachineFacts } from '../src/app/support/machine'
import type { Part, SupportFacts } from '../src/app/support/support'
import type { SettingsReport } from '../src/config/reading'
import { settingTable } from '../src/config/settings'
import { errorMessage } from '../src/domain/errors'
import { commit, platform, version } from '../src/version'
import { describeCheck, type LabelledLine, layOutLines } from './check-lines'
import { formatBytes, formatCount } from './format'
import { formatSource, formatValue } from './setting-values'
import { describeServer, statusFields } from './status-fields'

/** Columns of the report. */
const width = 80

interface Section {
  readonly title: string
  /** The labels are constants. The texts may be of any origin. */
  readonly lines: readonly LabelledLine[]
}

/** Returns a support report, as lines of Markdown with nothing in them that identifies the installation. */
export function supportReport(facts: SupportFacts): readonly string[] {
  const { redact, settings } = facts
  const signUps = 'value' in settings ? settings.value.settings.signUps : ''
  const sections: readonly Section[] = [
    { title: 'Machine', lines: linesOf(facts.machine, machineLines) },
    { title: 'Database', lines: linesOf(facts.engine, (text) => fieldLines([['engine', text]])) },
    { title: 'Settings', lines: linesOf(settings, settingLines) },
    {
      title: 'Status',
      lines: linesOf(facts.status, (status) => [
        { label: indent, text: describeServer(status) },
        ...fieldLines(statusFields(status, signUps)),
        ...fieldLines(status.problems.map((problem) => ['problem', problem])),
        ...fieldLines(status.warnings.map((warning) => ['warning', warning])),
      ]),
    },
    { title: 'Checks', lines: linesOf(facts.checks, (checks) => checks.flatMap(describeCheck)) },
  ]
  const body = [
    `snailpass ${version} (${commit}, ${platform})`,
    ...sections.flatMap(({ title, lines }) => [
      '',
      title,
      ...lines.flatMap(({ label, text }) => layOut({ label, text: redact(text) })),
    ]),
  ]
  return inCodeBlock(body)
}

const indent = '  '

/** The indent of a text below its label. */
const hanging = '      '

/** Returns the lines of a part, or why it can't be told. */
function linesOf<Value>(
  part: Part<Value>,
  describe: (value: Value) => readonly LabelledLine[],
): readonly LabelledLine[] {
  return 'value' in part
    ? describe(part.value)
    : [{ label: `${indent}not known: `, text: errorMessage(part.failure) }]
}

function machineLines(machine: MachineFacts): readonly LabelledLine[] {
  const { system, architecture, processors, memory, memoryLimit, fileSystem, container } = machine
  const limit = memoryLimit === null ? '' : `, ${formatBytes(memoryLimit)} for programs`
  const unit = machine.unit === null ? '' : `, the server is in ${machine.unit}`
  return fieldLines([
    ['system', system],
    ['processor', `${architecture}, ${formatCount(processors, 'processor')}`],
    ['memory', `${formatBytes(memory)}${limit}`],
    ['container', container ?? 'none known'],
    ['systemd', `${machine.hasSystemd ? 'yes' : 'no'}${unit}`],
    ['data folder', fileSystem ?? 'file system unknown'],
  ])
}

/** Lists the settings that are not at their defaults. */
function settingLines({ origins, file }: SettingsReport): readonly LabelledLine[] {
  const set = [...origins].filter(([, { source, problem }]) => source !== 'default' || problem)
  const rows = set.map(([key, origin]) => {
    const { name, defaultText } = settingTable[key]
    const value = formatValue(origin, defaultText)
    // Another name, or that of a file with the secret.
    const isOther = origin.source !== 'flag' && origin.name !== null && origin.name !== name
    return {
      ...{ name, source: formatSource(key, origin.source) },
      text: isOther ? `${value} (set as ${origin.from})` : value,
    }
  })
  const nameWidth = Math.max(...rows.map(({ name }) => name.length))
  const sourceWidth = Math.max(...rows.map(({ source }) => source.length))
  return [
    ...fieldLines([['file', file ?? 'none']]),
    ...rows.map(({ name, source, text }) => ({
      label: `${indent}${name.padEnd(nameWidth)}  ${source.padEnd(sourceWidth)}  `,
      text,
    })),
  ]
}

function fieldLines(fields: readonly (readonly [string, string])[]): readonly LabelledLine[] {
  return fields.map(([label, text]) => ({ label: `${indent}${label.padEnd(14)}`, text }))
}

/** Lays out a line. Its text is below the label if the longest word does not fit beside it. */
function layOut({ label, text }: LabelledLine): readonly string[] {
  const maxWord = Math.max(...text.split(' ').map((word) => word.length))
  const isBelow = label.length + maxWord > width && label.length > hanging.length
  return isBelow
    ? [label.trimEnd(), ...layOutLines([{ label: hanging, text }], width)]
    : layOutLines([{ label, text }], width)
}

/** Returns lines that Markdown shows as they are. They may contain the mark of a code block. */
function inCodeBlock(lines: readonly string[]): readonly string[] {
  const marks = lines.flatMap((line) => line.match(/`+/g) ?? [])
  const fence = '`'.repeat(Math.max(3, ...marks.map((mark) => mark.length + 1)))
  return [`${fence}text`, ...lines, fence]
}
