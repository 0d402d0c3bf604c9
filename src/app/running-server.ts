import type { Endpoint } from '../config/listen-address'
import { endpointsOf } from '../config/listeners'
import type { Settings } from '../config/settings'
import { dataFolder } from '../files/data-folder'
import { type RunningServer, readServerFile } from '../files/server-file'
import { portOf } from '../http/base-url'

export type { RunningServer }

/** Returns what the server that runs on the data folder of the settings says; null if none does. */
export function findRunningServer(settings: Settings): RunningServer | null {
  return readServerFile(dataFolder(settings.dataDir).server)
}

/**
 * Returns the listeners of the server that runs on the data folder of the settings, with their real ports; those of the settings if none
 * runs there.
 */
export function currentEndpoints(settings: Settings): readonly Endpoint[] {
  const server = findRunningServer(settings)
  return server === null ? endpointsOf(settings) : server.urls.map(endpointOf)
}

/** Returns the listener of a URL as `RunningServer` has it. */
export function endpointOf(url: URL): Endpoint {
  if (url.protocol === 'unix:')
    return { address: { path: decodeURIComponent(url.pathname) }, isTls: false }
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  return { address: { hostname, port: portOf(url) }, isTls: url.protocol === 'https:' }
}
