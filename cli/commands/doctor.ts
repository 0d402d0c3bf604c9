import { Command, Option } from 'commander'
import { isForRoot } from '../../src/app/access'
import { type CheckResult, runChecks } from '../../src/app/doctor/doctor'
import { systemRuntime } from '../../src/app/runtime'
import { collectSupportFacts } from '../../src/app/support/support'
import { workAsOwner } from '../../src/app/targets'
import { readSettings } from '../../src/config/reading'
import { settingKeys } from '../../src/config/settings'
import { joinLines } from '../../src/domain/errors'
import { describeCheck, layOutLines, statusOfChecks } from '../check-lines'
import { configInputOf, withConfigOptions } from '../config-options'
import { terminalWidth } from '../print-table'
import { hintAtRoot } from '../report'
import { supportReport } from '../support-report'
import { ExitError, exitCodeOf, exitCodes, info, out, outJson } from '../terminal'

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('find problems and suggest fixes')
    .option('--json', 'print JSON')
    .option('--fix', 'fix permissions, and write a backup if one is missing')
    .addOption(
      new Option('--support', 'print a report to paste into a bug report').conflicts([
        'json',
        'fix',
      ]),
    )
  return withConfigOptions(command, settingKeys)
    .addHelpText(
      'after',
      `
Checks settings, version, database, secret key, audit log, permissions, free
space, file system, limits, clock, backups, certificate, mail and sign-up. Works
while servers run. Each finding says what is wrong, why it matters and how to
fix it.

--support prints the results with version, system, settings and counts, as
Markdown to paste into a public bug report. Secrets, email addresses and public
IP addresses are replaced with placeholders, and so are the names of hosts,
users and folders. Read it before you post it.

Exit codes:
  0  no problems found
  1  problems found
  4  no problems found, but some checks could not run

Examples:
  snailpass doctor
  snailpass doctor --fix
  snailpass doctor --support > report.md`,
    )
    .action(async (options: { json?: true; fix?: true; support?: true }) => {
      if (options.support === true) {
        await printReport(command)
        return
      }
      const checked = await runChecks(readSettings(configInputOf(command)), systemRuntime, {
        fix: options.fix === true,
        onSettings: workAsOwner,
      })
      if (options.json === true) outJson(toJson(checked))
      else
        for (const line of layOutLines(checked.flatMap(describeCheck), terminalWidth())) out(line)
      endWith(checked)
    })
}

/** Ends a command with the result of checks. Throws ExitError unless they are ok. */
function endWith(checked: readonly CheckResult[]): void {
  if (checked.some(({ isForRoot }) => isForRoot === true)) hintAtRoot()
  const code = exitCodeByStatus[statusOfChecks(checked)]
  if (code !== exitCodes.done) throw new ExitError(code)
}

async function printReport(command: Command): Promise<void> {
  const facts = await collectSupportFacts(configInputOf(command), systemRuntime, workAsOwner)
  for (const line of supportReport(facts)) out(line)
  info(
    'Left out: secrets, email addresses, public IP addresses, names of hosts, users and folders. Read the report before you post it.',
  )
  const { checks } = facts
  if ('value' in checks) {
    endWith(checks.value)
    return
  }
  if (isForRoot(checks.failure)) hintAtRoot()
  // The report says why. As an error, it would repeat names.
  throw new ExitError(exitCodeOf(checks.failure))
}

function toJson(results: readonly CheckResult[]) {
  const checks = results.map((result) => ({
    name: result.name,
    status: statusOfChecks([result]),
    fact: result.fact,
    findings: result.findings.map(({ what, why, fix }) => ({
      what: joinLines(what),
      why: joinLines(why),
      fix: joinLines(fix),
    })),
    fixed: result.fixed,
    failure: result.failure,
  }))
  return { status: statusOfChecks(results), checks }
}

const exitCodeByStatus = {
  ok: exitCodes.done,
  problems: exitCodes.failed,
  incomplete: exitCodes.notChecked,
} as const
