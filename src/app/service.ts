import type { Endpoint } from '../config/listen-address'
import { endpointsOf } from '../config/listeners'
import { loadConfig } from '../config/load'
import { install } from '../service/install'
import { layoutOf, type Place, serviceName } from '../service/layout'
import { type Status, statusOf } from '../service/status'
import { uninstall } from '../service/uninstall'
import { commit, platform, version } from '../version'
import { urlsOf } from './own-hosts'
import type { World } from './world'

export type { Place }

/** What was installed, and what its people need to know. */
export interface Installed {
  /** Where clients find the server, the addresses first that others can use. */
  readonly addresses: readonly string[]
  /** The command that starts it, null where systemd does. */
  readonly start: string | null
  readonly settingsFile: string
}

/**
 * Installs this executable and has systemd run it, or upgrades what is installed to it. `patience` is how long a server
 * may take until it is ready, in milliseconds. Throws a DomainError.
 */
export async function installService(
  place: Place,
  world: World,
  { patience, say }: { patience: number; say: (line: string) => void },
): Promise<Installed> {
  const layout = layoutOf(place)
  const { endpoints } = await install({
    layout,
    program: process.execPath,
    version: `${version} (${commit}, ${platform})`,
    patience,
    say,
    clock: world.clock,
    wait: world.wait,
  })
  const { executable, settingsFile, user } = layout
  const serve = `${executable} serve --config ${settingsFile}`
  const start = user === null ? serve : `su -s /bin/sh ${serviceName} -c '${serve}'`
  return {
    addresses: addressesOf(endpoints),
    start: layout.unit === null ? start : null,
    settingsFile,
  }
}

/** Takes the installation away. Answers the paths of the data and settings that are left. Throws a DomainError. */
export function uninstallService(
  prefix: string | null,
  options: { purge: boolean; say: (line: string) => void },
): Promise<readonly string[]> {
  return uninstall(layoutOf({ prefix, hasService: true }), options)
}

export interface ServiceStatus extends Status {
  readonly addresses: readonly string[]
}

/** Throws `not_found` when nothing is installed. */
export async function serviceStatus(prefix: string | null): Promise<ServiceStatus> {
  let addresses: readonly string[] = []
  const status = await statusOf(layoutOf({ prefix, hasService: true }), (settingsFile) => {
    const { settings } = loadConfig({
      environment: {},
      flags: {},
      file: settingsFile,
      keys: ['listen', 'listenTls'],
    })
    const endpoints = endpointsOf(settings)
    addresses = addressesOf(endpoints)
    return endpoints
  })
  return { ...status, addresses }
}

/** The URLs for clients on other machines; of a listener on this one's loopback alone, that. */
function addressesOf(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.flatMap((endpoint) => {
    const urls = urlsOf(endpoint)
    const others = urls.filter((url) => !/^https?:\/\/(?:localhost|127\.|\[::1\])/.test(url))
    return others.length === 0 ? urls : others
  })
}
