import { Command } from 'commander'
import { type CheckResult, runChecks } from '../../src/app/doctor/doctor'
import { systemRuntime } from '../../src/app/runtime'
import { settingKeys } from '../../src/config/settings'
import { configInputOf, withConfigOptions } from '../config-options'
import { ExitError, exitCodes, out, outJson } from '../terminal'

export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('look for what is wrong, and say what mends it')
    .option('--json', 'print an array of objects')
    .option('--fix', 'mend permissions, and make an archive where one is missing')
  return withConfigOptions(command, settingKeys)
    .addHelpText(
      'after',
      `
Looks at settings, version, database, secret key, audit trail, permissions, space, file system,
limits, clock, archives, certificate, mail and sign-up, beside a server that runs. Each finding says
what is wrong, why that matters and what mends it. Each object of --json has name, fact, findings,
mended and failure.

Exit codes: 0 nothing found, 1 something found, 4 something could not be looked at.

Examples:
  snailpass doctor
  snailpass doctor --fix`,
    )
    .action(async (options: { json?: true; fix?: true }) => {
      const checked = await runChecks(configInputOf(command), systemRuntime, {
        fix: options.fix === true,
      })
      if (options.json === true) outJson(checked)
      else for (const each of checked) for (const line of linesOf(each)) out(line)
      const code = exitCodeOf(checked)
      if (code !== exitCodes.done) throw new ExitError(code)
    })
}

function linesOf({ name, fact, findings, mended, failure }: CheckResult): readonly string[] {
  const sign = failure !== null ? '?' : findings.length > 0 ? '!' : 'ok'
  return [
    `${sign.padEnd(3)}${name.padEnd(13)}${failure ?? fact ?? ''}`.trimEnd(),
    ...mended.map((line) => `     mended: ${line}`),
    ...findings.flatMap(({ what, why, fix }) => [
      `     what: ${what}`,
      `     why:  ${why}`,
      `     do:   ${fix}`,
    ]),
  ]
}

function exitCodeOf(checked: readonly CheckResult[]): number {
  if (checked.some(({ findings }) => findings.length > 0)) return exitCodes.failed
  return checked.some(({ failure }) => failure !== null) ? exitCodes.notChecked : exitCodes.done
}
