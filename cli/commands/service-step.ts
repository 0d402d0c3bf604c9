import { Command } from 'commander'
import { findDamage } from '../../src/app/operations/find-damage'
import {
  clearDatabase,
  copyBeforeUpgrade,
  createForService,
  migrationQuestion,
  restorePreUpgradeCopy,
  runPreflight,
  smokeTestServer,
} from '../../src/app/operations/upgrade-steps'
import { systemRuntime } from '../../src/app/runtime'
import { openTargets, type Targets } from '../../src/app/targets'
import { settingKeys } from '../../src/config/settings'
import { stringifyPrintable } from '../../src/domain/text'
import { openLog } from '../../src/log'
import { loadCommandConfig, withConfigOptions } from '../config-options'
import { out } from '../terminal'

/**
 * Hidden commands. `service install` runs them in child processes as the user of the service: root should not read or write files
 * in a folder of another user. A server runs `check`, which would keep it from answering. Only the same version calls them.
 */
export function stepCommand(): Command {
  const targetsOf = (command: Command) =>
    openTargets(loadCommandConfig(command).settings, systemRuntime)
  const createStep = (name: string) => withConfigOptions(new Command(name), settingKeys)
  const steps = [
    createStep('outlook').action(async (_options, command: Command) => {
      out(stringifyPrintable(await runPreflight(targetsOf(command))))
    }),
    createStep('create').action(async (_options, command: Command) => {
      await createForService(targetsOf(command))
    }),
    createStep('copy')
      .argument('<copy>')
      .action(async (copy: string, _options, command: Command) => {
        await copyBeforeUpgrade(targetsOf(command), copy)
      }),
    createStep('put-back')
      .argument('<copy>')
      .argument('<replaced-copy>')
      .action(async (copy: string, replacedCopy: string, _options, command: Command) => {
        await restorePreUpgradeCopy(targetsOf(command), { copy, replacedCopy })
      }),
    createStep('clear')
      .option('--keep')
      .action(async (options: { keep?: true }, command: Command) => {
        const keep = options.keep === true
        const copy = await clearDatabase(targetsOf(command), { keep })
        if (copy !== null) out(copy)
      }),
    createStep('check').action(async (_options, command: Command) => {
      out(stringifyPrintable({ damage: await findDamage(targetsOf(command)) }))
    }),
    createStep('trial').action((_options, command: Command) => runSmokeTest(targetsOf(command))),
  ]
  const command = new Command('step').helpCommand(false)
  for (const step of steps) command.addCommand(step)
  return command
}

async function runSmokeTest(targets: Targets): Promise<void> {
  // The installer keeps stdin open. Its end means that the installer was killed: then the server stops as well.
  process.stdin.once('end', () => process.exit(1)).resume()
  // Only an installer that lives answers. The next one may have restored the database meanwhile, for the old version.
  const beforeMigration = async () => {
    const answered = new Promise<void>((resolve) => {
      process.stdin.once('data', () => resolve())
    })
    out(migrationQuestion)
    await answered
  }
  const { log, flush } = openLog(
    { format: 'text', level: 'info' },
    systemRuntime.clock,
    process.stderr.fd,
  )
  try {
    await smokeTestServer(targets, { log, beforeMigration })
  } finally {
    flush()
  }
}
