import { Command } from 'commander'
import {
  clearDatabase,
  copyBeforeUpgrade,
  outlook,
  putCopyBack,
  tryServer,
} from '../../src/app/upgrade-steps'
import { realWorld } from '../../src/app/world'
import { settingKeys } from '../../src/config/settings'
import { openLog } from '../../src/log'
import { configOf, withConfigOptions } from '../config-options'
import { print } from '../terminal'

/**
 * What `service install` has done by the user that the server runs as, in a process of its own: root has no business
 * in a folder of somebody else's. For that command alone, and of one mind with its version.
 */
export function stepCommand(): Command {
  const settingsOf = (command: Command) => configOf(command).settings
  const step = (name: string) => withConfigOptions(new Command(name), settingKeys)
  const steps = [
    step('outlook').action(async (_options, command: Command) => {
      print(JSON.stringify(await outlook(settingsOf(command), realWorld)))
    }),
    step('copy')
      .argument('<copy>')
      .action(async (copy: string, _options, command: Command) => {
        await copyBeforeUpgrade(settingsOf(command), realWorld, copy)
      }),
    step('put-back')
      .argument('<copy>')
      .argument('<aside>')
      .action(async (copy: string, aside: string, _options, command: Command) => {
        await putCopyBack(settingsOf(command), realWorld, { copy, aside })
      }),
    step('clear')
      .option('--keep')
      .action(async (options: { keep?: true }, command: Command) => {
        const keep = options.keep === true
        const copy = await clearDatabase(settingsOf(command), realWorld, { keep })
        if (copy !== null) print(copy)
      }),
    step('trial').action((_options, command: Command) => runTrial(settingsOf(command))),
  ]
  const command = new Command('step').helpCommand(false)
  for (const each of steps) command.addCommand(each)
  return command
}

async function runTrial(settings: Parameters<typeof tryServer>[0]): Promise<void> {
  // Whoever tries holds the other end for as long as they live: a killed installer leaves no server behind.
  process.stdin.once('end', () => process.exit(1)).resume()
  const { log, flush } = openLog('text', realWorld.clock, process.stderr.fd)
  try {
    await tryServer(settings, realWorld, log)
  } finally {
    flush()
  }
}
