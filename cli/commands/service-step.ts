import { Command } from 'commander'
import {
  clearDatabase,
  copyBeforeUpgrade,
  restorePreUpgradeCopy,
  runPreflight,
  smokeTestServer,
} from '../../src/app/operations/upgrade-steps'
import { systemRuntime } from '../../src/app/runtime'
import { settingKeys } from '../../src/config/settings'
import { openLog } from '../../src/log'
import { loadCommandConfig, withConfigOptions } from '../config-options'
import { out } from '../terminal'

/**
 * What `service install` has done by the user that the server runs as, in a process of its own: root has no business
 * in a folder of somebody else's. For that command alone, and of one mind with its version.
 */
export function stepCommand(): Command {
  const settingsOf = (command: Command) => loadCommandConfig(command).settings
  const step = (name: string) => withConfigOptions(new Command(name), settingKeys)
  const steps = [
    step('outlook').action(async (_options, command: Command) => {
      out(JSON.stringify(await runPreflight(settingsOf(command), systemRuntime)))
    }),
    step('copy')
      .argument('<copy>')
      .action(async (copy: string, _options, command: Command) => {
        await copyBeforeUpgrade(settingsOf(command), systemRuntime, copy)
      }),
    step('put-back')
      .argument('<copy>')
      .argument('<aside>')
      .action(async (copy: string, replacedCopy: string, _options, command: Command) => {
        await restorePreUpgradeCopy(settingsOf(command), systemRuntime, { copy, replacedCopy })
      }),
    step('clear')
      .option('--keep')
      .action(async (options: { keep?: true }, command: Command) => {
        const keep = options.keep === true
        const copy = await clearDatabase(settingsOf(command), systemRuntime, { keep })
        if (copy !== null) out(copy)
      }),
    step('trial').action((_options, command: Command) => runSmokeTest(settingsOf(command))),
  ]
  const command = new Command('step').helpCommand(false)
  for (const each of steps) command.addCommand(each)
  return command
}

async function runSmokeTest(settings: Parameters<typeof smokeTestServer>[0]): Promise<void> {
  // Whoever tries holds the other end for as long as they live: a killed installer leaves no server behind.
  process.stdin.once('end', () => process.exit(1)).resume()
  const { log, flush } = openLog('text', systemRuntime.clock, process.stderr.fd)
  try {
    await smokeTestServer(settings, systemRuntime, log)
  } finally {
    flush()
  }
}
