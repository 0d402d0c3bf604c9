import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Endpoint, formatListenAddress } from '../../config/listen-address'
import { usualTlsPort } from '../../config/listeners'
import { type Config, loadConfig } from '../../config/load'
import { requireUsablePath } from '../../config/paths'
import { readSettings } from '../../config/reading'
import { type Settings, settingTable } from '../../config/settings'
import { namingSetting } from '../../config/values'
import { DomainError, listErrors } from '../../domain/errors'
import { isLoopback } from '../../domain/networks'
import { shellQuote } from '../../domain/text'
import { install } from '../../service/install'
import { type InstallLocation, layoutOf, serviceName } from '../../service/paths'
import { type InstallationStatus, readInstallationStatus } from '../../service/status'
import { uninstall } from '../../service/uninstall'
import {
  describeOverrides,
  listOverridesOfUnit,
  readUnitSettings,
  variablesOfUnit,
} from '../../service/unit-settings'
import { commit, platform, version } from '../../version'
import { urlsForClients } from '../local-addresses'
import type { Runtime } from '../runtime'
import { planListeners, requiredEndpointsOf } from '../server/listener-plan'
import { type Welcome, welcomeOf } from '../welcome'
import { checkReadiness } from './healthcheck'

export type { InstallLocation }

/** What the operator needs to know after an installation. */
export interface InstallResult extends Welcome {
  /** The command that starts the server; null if systemd does. */
  readonly startCommand: string | null
  readonly settingsFile: string
  /** The line of the settings file that turns HTTPS on; null if it is on, or if the operator has decided. */
  readonly httpsLine: string | null
}

/**
 * Installs this executable as a service, or upgrades an installation to it. `readyTimeout` is how long the server may take
 * to become ready, in milliseconds; `info` receives a line about each step. Throws a DomainError.
 */
export async function installService(
  location: InstallLocation,
  runtime: Runtime,
  { readyTimeout, info }: { readyTimeout: number; info: (line: string) => void },
): Promise<InstallResult> {
  const layout = layoutOf(location)
  // The settings file names the data folder, which lies below the prefix.
  if (location.prefix !== null) {
    const path = resolve(location.prefix)
    namingSetting('--prefix', () => requireUsablePath('folder', path, { value: path }))
  }
  const isUpgrade =
    existsSync(layout.executable) || existsSync(join(layout.dataDir, 'snailpass.db'))
  await install({
    layout,
    program: process.execPath,
    version: `${version} (${commit}, ${platform})`,
    readyTimeout,
    checkReadiness: findReadinessProblem,
    info,
    clock: runtime.clock,
    wait: runtime.wait,
  })
  const { executable, settingsFile, user } = layout
  const serve = `${shellQuote(executable)} serve --config ${shellQuote(settingsFile)}`
  const startCommand =
    user === null ? serve : `su -s /bin/sh ${serviceName} -c ${shellQuote(serve)}`
  const unitVariables = variablesOfUnit(await readUnitSettings(layout))
  const config = loadConfig({
    ...{ environment: unitVariables, flags: {}, file: settingsFile, keys: listenerKeys },
  })
  const isStarted = layout.unit !== null
  const addresses = await findAddresses(config.settings, { isStarted })
  return {
    ...welcomeOf(config.settings, addresses, { isEmpty: !isUpgrade }),
    startCommand: isStarted ? null : startCommand,
    settingsFile,
    httpsLine: findHttpsLine(config),
  }
}

/**
 * Removes the installation, with `purge` its data and settings as well. Returns the paths of what is left. Throws a
 * DomainError.
 */
export function uninstallService(
  prefix: string | null,
  options: { purge: boolean; info: (line: string) => void },
): Promise<readonly string[]> {
  return uninstall(layoutOf({ prefix, hasService: true }), options)
}

export interface ServiceStatus extends InstallationStatus {
  readonly addresses: readonly string[]
  /** What is wrong with the settings, with which the next start will fail. */
  readonly settingsErrors: readonly DomainError[]
  /** What overrides the settings file without root's commands seeing it; null for nothing. */
  readonly overrides: string | null
}

/** Inspects the installation. Throws `not_found` if there is none. */
export async function serviceStatus(prefix: string | null): Promise<ServiceStatus> {
  const found: { settings: Settings | null; errors: readonly DomainError[] } = {
    settings: null,
    errors: [],
  }
  // Another user may not read the files of secrets.
  const canReadAll = prefix !== null || process.getuid?.() === 0
  const layout = layoutOf({ prefix, hasService: true })
  const { settingsFile } = layout
  const unitVariables = variablesOfUnit(await readUnitSettings(layout))
  const status = await readInstallationStatus(layout, {
    checkReadiness: findReadinessProblem,
    endpointsOf(file) {
      const { settings, error } = readSettings({
        ...{ environment: unitVariables, flags: {}, file },
        ...(!canReadAll && { keys: listenerKeys }),
      })
      found.settings = settings
      found.errors = error === null ? [] : listErrors(error)
      return requiredEndpointsOf(settings)
    },
  })
  const { isReady } = status
  const { settings, errors } = found
  const addresses = settings === null ? [] : await findAddresses(settings, { isStarted: isReady })
  const names = listOverridesOfUnit(unitVariables, settingsFile)
  const overrides = names.length === 0 ? null : describeOverrides(names, settingsFile)
  return { ...status, addresses, settingsErrors: errors, overrides }
}

const listenerKeys = [
  ...(['dataDir', 'listen', 'listenTls', 'tls', 'publicUrl', 'mdns'] as const),
  ...(['signUps', 'signUpDomains'] as const),
] as const

/** Returns the URLs for other machines, and those of listeners that the server can do without if it answers there. */
async function findAddresses(
  settings: Settings,
  { isStarted }: { isStarted: boolean },
): Promise<readonly string[]> {
  const endpoints: Endpoint[] = []
  for (const { address, isTls, isWish } of planListeners(settings)) {
    const endpoint = { address, isTls }
    const isSure = !isWish || (isStarted && (await findReadinessProblem(endpoint)) === null)
    if (isSure) endpoints.push(endpoint)
  }
  return urlsForClients(endpoints, settings)
}

/** Returns the line that adds HTTPS on the hosts of plain HTTP: an upgrade adds no listener that nobody asked for. */
function findHttpsLine({ settings, origins }: Config): string | null {
  const isDecided = origins.get('listenTls')?.source !== 'default'
  const addresses = settings.listen.flatMap((address) =>
    'path' in address || isLoopback(address.hostname)
      ? []
      : [formatListenAddress({ ...address, port: usualTlsPort })],
  )
  if (settings.listenTls.length > 0 || isDecided || addresses.length === 0) return null
  return `${settingTable.listenTls.name}=${addresses.join(',')}`
}

/** How long a server may take to answer `/readyz`, in milliseconds. */
const readinessTimeout = 2_000

/** Asks the server behind a listener whether it is ready. Returns null if it is, else what is wrong. */
async function findReadinessProblem(endpoint: Endpoint): Promise<string | null> {
  try {
    return (await checkReadiness(endpoint, readinessTimeout)).problem
  } catch (error) {
    if (error instanceof DomainError) return error.message
    throw error
  }
}
