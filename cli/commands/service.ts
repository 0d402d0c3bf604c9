import { Command } from 'commander'
import {
  type InstallLocation,
  installService,
  type ServiceStatus,
  serviceStatus,
  uninstallService,
} from '../../src/app/operations/service'
import { systemRuntime } from '../../src/app/runtime'
import { CombinedError, DomainError } from '../../src/domain/errors'
import { formatFields, formatJsonTime, formatYesNo } from '../format'
import { confirm } from '../prompts'
import { ExitError, exitCodes, info, out, outJson } from '../terminal'
import { printWelcome } from '../welcome'
import { stepCommand } from './service-step'

export function serviceCommand(): Command {
  return new Command('service')
    .description('install, upgrade or inspect the service')
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
  'use this folder, without root and without a service',
] as const

interface InstallOptions {
  readonly prefix?: string
  readonly service: boolean
  readonly wait: number
}

function installCommand(): Command {
  return new Command('install')
    .description('install this version or upgrade to it')
    .option(...prefixOption)
    .option('--no-service', 'do not set up a systemd service')
    .option('--wait <seconds>', 'how long to wait until the server is ready', parseSeconds, 120)
    .addHelpText(
      'after',
      `
Installs /usr/local/bin/snailpass, a system user, its data folder
/var/lib/snailpass, /etc/snailpass/snailpass.env with a comment for each
setting, and a sandboxed systemd unit. Enables and starts the service, and waits
until it is ready. A data folder that root has created is given to the system
user.

If another version is installed, that version writes a backup and is stopped.
The new version is then started where no client can reach it. If it does not
become ready, the old version and its database are restored. If an upgrade is
interrupted, run it again.

Examples:
  sudo ./snailpass service install
  ./snailpass service install --prefix ~/snailpass`,
    )
    .action(async (options: InstallOptions) => {
      const result = await installService(installLocationOf(options), systemRuntime, {
        readyTimeout: options.wait * 1000,
        info,
      })
      const { addresses, startCommand, settingsFile, httpsLine } = result
      if (startCommand === null) info('SnailPass is ready. Addresses for clients:')
      else {
        info('SnailPass is installed. Start it with:')
        info(`  ${startCommand}`)
        info('Addresses for clients once it runs:')
      }
      for (const address of addresses) out(address)
      info(`Settings: ${settingsFile}`)
      if (httpsLine !== null) {
        info('HTTPS is off. To turn it on, add this line and restart the server:')
        info(`  ${httpsLine}`)
      }
      await printWelcome(result, settingsFile)
    })
}

function installLocationOf({ prefix, service }: InstallOptions): InstallLocation {
  return { prefix: prefix ?? null, hasService: service && prefix === undefined }
}

function parseSeconds(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text)
  throw new DomainError('invalid', `invalid --wait "${text}"`, {
    hint: 'use a number of seconds from 1 to 99999',
  })
}

function uninstallCommand(): Command {
  return new Command('uninstall')
    .description('remove the service and the executable, but not the data')
    .option(...prefixOption)
    .option('--purge', 'also remove the data, the settings and the system user')
    .option('--yes', 'do not ask for confirmation')
    .addHelpText(
      'after',
      `
Without --purge the data and settings are kept, and their paths are printed.
With --purge every account and every vault in the data folder is deleted; a
database elsewhere, on Postgres or in another folder, is not changed.

Example:
  sudo snailpass service uninstall`,
    )
    .action(async (options: { prefix?: string; purge?: true; yes?: true }) => {
      const purge = options.purge === true
      if (purge && options.yes !== true) {
        await confirm('This deletes every account and every vault in the data folder.')
      }
      const keptPaths = await uninstallService(options.prefix ?? null, { purge, info })
      if (keptPaths.length > 0) info('These were kept:')
      for (const path of keptPaths) out(path)
    })
}

function statusCommand(): Command {
  return new Command('status')
    .description('print whether the service is installed, running and ready')
    .option(...prefixOption)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
If the server could not start, this prints why. It also tells what is wrong with
the settings.

Exit codes:
  0  running and ready
  1  not ready
  3  not installed

Example:
  sudo snailpass service status`,
    )
    .action(async (options: { prefix?: string; json?: true }) => {
      const status = await serviceStatus(options.prefix ?? null)
      if (status.overrides !== null) info(`warning: ${status.overrides}`)
      if (options.json === true) {
        outJson(toJson(status))
        if (!status.isReady) throw new ExitError(exitCodes.failed)
        return
      }
      for (const line of linesOf(status)) out(line)
      const { isReady, service, problems, settingsErrors } = status
      if (isReady) {
        for (const { message } of settingsErrors) {
          info(`warning: the server runs, but its next start will fail: ${message}`)
        }
        return
      }
      const notReady = new DomainError('unavailable', 'the server is not ready', {
        hint:
          service === null
            ? 'start the server; it logs to stderr'
            : 'read its log with `journalctl -u snailpass`; start it with `systemctl restart snailpass`',
      })
      throw new CombinedError('unavailable', [...problems, ...furtherErrorsOf(status), notReady])
    })
}

/** Returns what is wrong with the settings beyond what keeps the server from being ready. */
function furtherErrorsOf({ problems, settingsErrors }: ServiceStatus): readonly DomainError[] {
  const known = new Set(problems.map(({ message }) => message))
  return settingsErrors.filter(({ message }) => !known.has(message))
}

function toJson(status: ServiceStatus) {
  const { version, service, isReady, addresses, problems } = status
  const settingsProblems = furtherErrorsOf(status).map(({ message }) => message)
  return {
    status: isReady ? 'ready' : 'not_ready',
    version: /^snailpass (\S+)/.exec(version ?? '')?.[1] ?? null,
    service: service && { state: service.activeState, since: parseSystemdTime(service.since) },
    addresses,
    problems: problems.map(({ message }) => message),
    settings_problems: settingsProblems,
  }
}

/**
 * Returns a time as `systemctl show` prints it, `Sat 2026-11-28 16:31:05 CET` in the zone of this process, in ISO 8601; null
 * for none.
 */
function parseSystemdTime(text: string): string | null {
  const [, day, time, zone] = /^\w+ (\S+) (\S+) (\S+)$/.exec(text) ?? []
  const parsed = Date.parse(`${day}T${time}${zone === 'UTC' ? 'Z' : ''}`)
  return Number.isNaN(parsed) ? null : formatJsonTime(parsed)
}

function linesOf({ version, service, isReady, addresses }: ServiceStatus): readonly string[] {
  const since = service === null || service.since === '' ? '' : ` since ${service.since}`
  return formatFields([
    ['version', version ?? 'the executable does not run'],
    ['service', service === null ? 'none (started manually)' : `${service.activeState}${since}`],
    ['ready', formatYesNo(isReady)],
    ...addresses.map((address) => ['address', address] as const),
  ])
}
