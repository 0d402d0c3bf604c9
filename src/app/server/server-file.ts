import type { Settings } from '../../config/settings'
import { errorMessage } from '../../domain/errors'
import { dataFolder } from '../../files/data-folder'
import { writeServerFile } from '../../files/server-file'
import type { Log } from '../../log'
import { version } from '../../version'
import type { Runtime } from '../runtime'

/** Tells commands of this machine where the server listens. Without that the server runs as well: it says why, and goes on. */
export function tellCommands(
  {
    settings,
    runtime,
    log,
  }: { readonly settings: Settings; readonly runtime: Runtime; readonly log: Log },
  urls: readonly URL[],
): Disposable {
  const path = dataFolder(settings.dataDir).server
  try {
    return writeServerFile(path, {
      ...{ pid: process.pid, version, startTime: runtime.clock(), urls },
    })
  } catch (error) {
    log.warn(`commands cannot tell where this server listens: ${errorMessage(error)}`)
    return { [Symbol.dispose]() {} }
  }
}
