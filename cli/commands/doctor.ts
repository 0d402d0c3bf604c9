import { Command } from 'commander'
import { type CheckResult, runChecks } from '../../src/app/doctor/doctor'
import { systemRuntime } from '../../src/app/runtime'
import { workAsOwner } from '../../src/app/targets'
import { settingKeys } from '../../src/config/settings'
import { joinLines, type Lines, toLines } from '../../src/domain/errors'
import { configInputOf, withConfigOptions } from '../config-options'
import { terminalWidth } from '../print-table'
import { hintAtRoot } from '../report'
import { wrap } from '../table'
import { ExitError, exitCodes, out, outJson } from '../terminal'

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('find problems and suggest fixes')
    .option('--json', 'print JSON')
    .option('--fix', 'fix permissions, and write a backup if one is missing')
  return withConfigOptions(command, settingKeys)
    .addHelpText(
      'after',
      `
Checks settings, version, database, secret key, audit log, permissions, free
space, file system, limits, clock, backups, certificate, mail and sign-up. Works
while servers run. Each finding says what is wrong, why it matters and how to
fix it.

Exit codes:
  0  no problems found
  1  problems found
  4  no problems found, but some checks could not run

Examples:
  snailpass doctor
  snailpass doctor --fix`,
    )
    .action(async (options: { json?: true; fix?: true }) => {
      const checked = await runChecks(configInputOf(command), systemRuntime, {
        fix: options.fix === true,
        onSettings: workAsOwner,
      })
      if (options.json === true) outJson(toJson(checked))
      else for (const result of checked) for (const line of linesOf(result)) out(line)
      if (checked.some(({ isForRoot }) => isForRoot === true)) hintAtRoot()
      const code = exitCodeOf[statusOf(checked)]
      if (code !== exitCodes.done) throw new ExitError(code)
    })
}

function linesOf(result: CheckResult): readonly string[] {
  const { name, fact, findings, fixed, failure } = result
  const isRepeated = findings.some(({ what }) => what === fact)
  const sign = { ok: 'ok', problems: '!', incomplete: '?' }[statusOf([result])]
  return [
    ...labelled(`${sign.padEnd(3)}${name.padEnd(13)}`, failure ?? (isRepeated ? '' : (fact ?? ''))),
    ...fixed.flatMap((line) => labelled('     fixed: ', line)),
    ...findings.flatMap(({ what, why, fix }) => [
      ...labelled('     what: ', what),
      ...labelled('     why:  ', why),
      ...labelled('     do:   ', fix),
    ]),
  ]
}

/** Returns lines with a label in front of the first one, wrapped to the width of the terminal. */
function labelled(label: string, text: Lines): readonly string[] {
  const width = terminalWidth()
  return toLines(text)
    .flatMap((line) => wrap(line, width === null ? null : width - label.length))
    .map((line, index) => `${index === 0 ? label : ' '.repeat(label.length)}${line}`.trimEnd())
}

function toJson(results: readonly CheckResult[]) {
  const checks = results.map((result) => ({
    name: result.name,
    status: statusOf([result]),
    fact: result.fact,
    findings: result.findings.map(({ what, why, fix }) => ({
      what: joinLines(what),
      why: joinLines(why),
      fix: joinLines(fix),
    })),
    fixed: result.fixed,
    failure: result.failure,
  }))
  return { status: statusOf(results), checks }
}

function statusOf(results: readonly CheckResult[]): 'ok' | 'problems' | 'incomplete' {
  if (results.some(({ findings }) => findings.length > 0)) return 'problems'
  return results.some(({ failure }) => failure !== null) ? 'incomplete' : 'ok'
}

const exitCodeOf = {
  ok: exitCodes.done,
  problems: exitCodes.failed,
  incomplete: exitCodes.notChecked,
} as const
