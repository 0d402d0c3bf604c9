import { Command } from 'commander'
import {
  type InstallLocation,
  installService,
  type ServiceStatus,
  serviceStatus,
  uninstallService,
} from '../../src/app/operations/service'
import { systemRuntime } from '../../src/app/runtime'
import { DomainError } from '../../src/domain/errors'
import { confirm, info, out } from '../terminal'
import { stepCommand } from './service-step'

export function serviceCommand(): Command {
  return new Command('service')
    .description('install this executable as a service, upgrade it, see how it does')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Examples:
  sudo ./snailpass service install
  sudo snailpass service status`,
    )
    .addCommand(installCommand())
    .addCommand(uninstallCommand())
    .addCommand(statusCommand())
    .addCommand(stepCommand(), { hidden: true })
}

const prefixOption = [
  '--prefix <folder>',
  'everything below this folder, without root and without a service',
] as const

interface InstallOptions {
  readonly prefix?: string
  readonly service: boolean
  readonly wait: number
}

function installCommand(): Command {
  return new Command('install')
    .description('install this executable, or upgrade what is installed to it')
    .option(...prefixOption)
    .option('--no-service', 'do not have systemd run it')
    .option('--wait <seconds>', 'how long a server may take until it is ready', parseSeconds, 120)
    .addHelpText(
      'after',
      `
Installs /usr/local/bin/snailpass, a system user, its data folder /var/lib/snailpass,
/etc/snailpass/snailpass.env with a comment for each setting, and a systemd unit that may do
little else than serve; enables and starts it, and waits until it is ready.

Where another version is installed, it makes an archive with that one first, stops it, and
tries the new one where no client reaches it. If that does not become ready, the old version
and the database from before come back together. Interrupted, run it again.

Examples:
  sudo ./snailpass service install
  ./snailpass service install --prefix ~/snailpass`,
    )
    .action(async (options: InstallOptions) => {
      const { addresses, startCommand, settingsFile } = await installService(
        installLocationOf(options),
        systemRuntime,
        {
          readyTimeout: options.wait * 1000,
          info,
        },
      )
      if (startCommand === null) info('SnailPass is ready. Addresses for clients:')
      else
        info(
          `SnailPass is installed. Start it with:\n  ${startCommand}\nAddresses for clients, then:`,
        )
      for (const address of addresses) out(address)
      info(`Settings: ${settingsFile}`)
    })
}

function installLocationOf({ prefix, service }: InstallOptions): InstallLocation {
  return { prefix: prefix ?? null, hasService: service && prefix === undefined }
}

function parseSeconds(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new DomainError('invalid', `--wait is not a number of seconds: ${text}`, {
    hint: 'write digits alone',
  })
}

function uninstallCommand(): Command {
  return new Command('uninstall')
    .description('take the service and the executable away; the data stays')
    .option(...prefixOption)
    .option('--purge', 'take the data, the settings and the user away as well')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Without --purge it says where data and settings are left. With it, every account and every
vault in the data folder is gone; a database elsewhere, on Postgres or in another folder, is
not touched.

Example:
  sudo snailpass service uninstall`,
    )
    .action(async (options: { prefix?: string; purge?: true; yes?: true }) => {
      const purge = options.purge === true
      if (purge && options.yes !== true) {
        await confirm('This deletes every account and every vault in the data folder.', 'purge')
      }
      const left = await uninstallService(options.prefix ?? null, { purge, info })
      if (left.length > 0) info('Left where they are:')
      for (const path of left) out(path)
    })
}

function statusCommand(): Command {
  return new Command('status')
    .description('say whether it is installed, runs and is ready')
    .option(...prefixOption)
    .addHelpText(
      'after',
      `
Exit codes:
  0  it runs and is ready
  1  it does not
  3  it is not installed

Example:
  sudo snailpass service status`,
    )
    .action(async (options: { prefix?: string }) => {
      const status = await serviceStatus(options.prefix ?? null)
      for (const line of linesOf(status)) out(line)
      if (status.isReady) return
      throw new DomainError('unavailable', 'the server is not ready', {
        hint:
          status.service === null
            ? 'start it; its log is on its stderr'
            : 'see its log with `journalctl -u snailpass`, and start it with `systemctl start snailpass`',
      })
    })
}

function linesOf({ version, service, isReady, addresses }: ServiceStatus): readonly string[] {
  const since = service === null || service.since === '' ? '' : ` since ${service.since}`
  const lines: readonly (readonly [string, string])[] = [
    ['version', version ?? 'the executable does not run'],
    ['service', service === null ? 'none: started by hand' : `${service.activeState}${since}`],
    ['ready', isReady ? 'yes' : 'no'],
    ...addresses.map((address) => ['address', address] as const),
  ]
  return lines.map(([name, value]) => `${name.padEnd(9)}${value}`)
}
