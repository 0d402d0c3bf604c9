import { resolve } from 'node:path'
import type { Endpoint } from '../../config/listen-address'
import { endpointsOf } from '../../config/listeners'
import { requireUsablePath } from '../../config/paths'
import { readSettings } from '../../config/reading'
import { namingSetting } from '../../config/values'
import { DomainError, listErrors } from '../../domain/errors'
import { shellQuote } from '../../domain/text'
import { install } from '../../service/install'
import { type InstallLocation, layoutOf, serviceName } from '../../service/paths'
import { type InstallationStatus, readInstallationStatus } from '../../service/status'
import { uninstall } from '../../service/uninstall'
import { commit, platform, version } from '../../version'
import { urlsOf } from '../local-addresses'
import type { Runtime } from '../runtime'
import { checkReadiness } from './healthcheck'

export type { InstallLocation }

/** What the operator needs to know after an installation. */
export interface InstallResult {
  /** URLs of the server. Those that work on other machines come first. */
  readonly addresses: readonly string[]
  /** The command that starts the server; null if systemd does. */
  readonly startCommand: string | null
  readonly settingsFile: string
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
  const { endpoints } = await install({
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
  return {
    addresses: urlsForClients(endpoints),
    startCommand: layout.unit === null ? startCommand : null,
    settingsFile,
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
}

/** Inspects the installation. Throws `not_found` if there is none. */
export async function serviceStatus(prefix: string | null): Promise<ServiceStatus> {
  let addresses: readonly string[] = []
  let settingsErrors: readonly DomainError[] = []
  // Another user may not read the files of secrets.
  const canReadAll = prefix !== null || process.getuid?.() === 0
  const status = await readInstallationStatus(layoutOf({ prefix, hasService: true }), {
    checkReadiness: findReadinessProblem,
    endpointsOf(settingsFile) {
      const { settings, error } = readSettings({
        environment: {},
        flags: {},
        file: settingsFile,
        ...(!canReadAll && { keys: ['listen', 'listenTls'] }),
      })
      settingsErrors = error === null ? [] : listErrors(error)
      const endpoints = endpointsOf(settings)
      addresses = urlsForClients(endpoints)
      return endpoints
    },
  })
  return { ...status, addresses, settingsErrors }
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

/** Returns the URLs for other machines. A listener that only this machine reaches keeps its own. */
function urlsForClients(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.flatMap((endpoint) => {
    const urls = urlsOf(endpoint)
    const others = urls.filter((url) => !/^https?:\/\/(?:localhost|127\.|\[::1\])/.test(url))
    return others.length === 0 ? urls : others
  })
}
