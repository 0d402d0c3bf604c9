import type { Endpoint } from '../../config/listen-address'
import { endpointsOf } from '../../config/listeners'
import { loadConfig } from '../../config/load'
import { install } from '../../service/install'
import { type InstallLocation, layoutOf, serviceName } from '../../service/paths'
import { type InstallationStatus, readInstallationStatus } from '../../service/status'
import { uninstall } from '../../service/uninstall'
import { commit, platform, version } from '../../version'
import { urlsOf } from '../local-addresses'
import type { Runtime } from '../runtime'

export type { InstallLocation }

/** What was installed, and what its people need to know. */
export interface InstallResult {
  /** Where clients find the server, the addresses first that others can use. */
  readonly addresses: readonly string[]
  /** The command that starts it, null where systemd does. */
  readonly startCommand: string | null
  readonly settingsFile: string
}

/**
 * Installs this executable and has systemd run it, or upgrades what is installed to it. `patience` is how long a server
 * may take until it is ready, in milliseconds. Throws a DomainError.
 */
export async function installService(
  location: InstallLocation,
  runtime: Runtime,
  { readyTimeout, info }: { readyTimeout: number; info: (line: string) => void },
): Promise<InstallResult> {
  const layout = layoutOf(location)
  const { endpoints } = await install({
    layout,
    program: process.execPath,
    version: `${version} (${commit}, ${platform})`,
    readyTimeout,
    info,
    clock: runtime.clock,
    wait: runtime.wait,
  })
  const { executable, settingsFile, user } = layout
  const serve = `${executable} serve --config ${settingsFile}`
  const startCommand = user === null ? serve : `su -s /bin/sh ${serviceName} -c '${serve}'`
  return {
    addresses: urlsForClients(endpoints),
    startCommand: layout.unit === null ? startCommand : null,
    settingsFile,
  }
}

/** Takes the installation away. Answers the paths of the data and settings that are left. Throws a DomainError. */
export function uninstallService(
  prefix: string | null,
  options: { purge: boolean; info: (line: string) => void },
): Promise<readonly string[]> {
  return uninstall(layoutOf({ prefix, hasService: true }), options)
}

export interface ServiceStatus extends InstallationStatus {
  readonly addresses: readonly string[]
}

/** Throws `not_found` when nothing is installed. */
export async function serviceStatus(prefix: string | null): Promise<ServiceStatus> {
  let addresses: readonly string[] = []
  const status = await readInstallationStatus(
    layoutOf({ prefix, hasService: true }),
    (settingsFile) => {
      const { settings } = loadConfig({
        environment: {},
        flags: {},
        file: settingsFile,
        keys: ['listen', 'listenTls'],
      })
      const endpoints = endpointsOf(settings)
      addresses = urlsForClients(endpoints)
      return endpoints
    },
  )
  return { ...status, addresses }
}

/** The URLs for clients on other machines; of a listener on this one's loopback alone, that. */
function urlsForClients(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.flatMap((endpoint) => {
    const urls = urlsOf(endpoint)
    const others = urls.filter((url) => !/^https?:\/\/(?:localhost|127\.|\[::1\])/.test(url))
    return others.length === 0 ? urls : others
  })
}
