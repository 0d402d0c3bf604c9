import type { CheckResult } from '../src/app/doctor/doctor'
import { type Lines, toLines } from '../src/domain/errors'
import { wrap } from './table'

/** A line with a constant part in front, which has the same width in the lines that belong together. */
export interface LabelledLine {
  readonly label: string
  readonly text: string
}

/** Returns what `snailpass doctor` prints of the result of a check. */
export function describeCheck(result: CheckResult): readonly LabelledLine[] {
  const { name, fact, findings, fixed, failure } = result
  const isRepeated = findings.some(({ what }) => what === fact)
  const sign = { ok: 'ok', problems: '!', incomplete: '?' }[statusOfChecks([result])]
  return [
    {
      label: `${sign.padEnd(3)}${name.padEnd(13)}`,
      text: failure ?? (isRepeated ? '' : (fact ?? '')),
    },
    ...fixed.map((text) => ({ label: '     fixed: ', text })),
    ...findings.flatMap(({ what, why, fix }) => [
      ...labelled('     what: ', what),
      ...labelled('     why:  ', why),
      ...labelled('     do:   ', fix),
    ]),
  ]
}

/** Returns lines with a label in front of the first one. */
function labelled(label: string, text: Lines): readonly LabelledLine[] {
  return toLines(text).map((line, index) => ({
    label: index === 0 ? label : ' '.repeat(label.length),
    text: line,
  }))
}

/** Returns lines with their labels, wrapped to `width` columns unless that is null. */
export function layOutLines(
  lines: readonly LabelledLine[],
  width: number | null,
): readonly string[] {
  return lines.flatMap(({ label, text }) =>
    wrap(text, width === null ? null : width - label.length).map((line, index) =>
      `${index === 0 ? label : ' '.repeat(label.length)}${line}`.trimEnd(),
    ),
  )
}

/** Returns the result of all checks together. */
export function statusOfChecks(results: readonly CheckResult[]): 'ok' | 'problems' | 'incomplete' {
  if (results.some(({ findings }) => findings.length > 0)) return 'problems'
  return results.some(({ failure }) => failure !== null) ? 'incomplete' : 'ok'
}
