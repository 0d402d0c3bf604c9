import type { Command } from 'commander'
import type { Config } from '../src/config/load'
import { type Settings, settingKeys, settingTable } from '../src/config/settings'
import { DomainError, hintField } from '../src/domain/errors'
import type { Log, LogOptions } from '../src/log'
import { loadCommandConfig } from './config-options'

/** Settings that a running server takes over. All others need a restart. */
const reloadedKeys: readonly string[] = ['logFormat', 'logLevel']

export function logOptionsOf({ logFormat, logLevel }: Settings): LogOptions {
  return { format: logFormat, level: logLevel }
}

/**
 * Reads the settings again and calls `reloadCertificates` at each SIGHUP, which never ends the server: a closed terminal, or a
 * hook of a program that renews certificates, may send it at any time. On Windows a console that is closed sends it, and
 * gives the server a few seconds to end.
 */
export function reloadOnHangup(server: {
  readonly command: Command
  /** The settings of the server. */
  readonly config: Config
  readonly log: Log
  readonly configureLog: (options: LogOptions) => void
  readonly reloadCertificates: () => void
}): Disposable {
  if (process.platform === 'win32') return { [Symbol.dispose]() {} }
  const { command, config, log, configureLog, reloadCertificates } = server
  const onSignal = () => {
    log.info('SIGHUP: reloading the certificates and the settings of the log')
    reloadCertificates()
    try {
      const next = loadCommandConfig(command)
      configureLog(logOptionsOf(next.settings))
      const changed = listChangedSettings(config, next)
      if (changed.length > 0)
        log.warn('these settings have changed: restart the server to use them', {
          settings: changed.join(' '),
        })
    } catch (error) {
      if (error instanceof DomainError) {
        log.error(`the settings were not reloaded: ${error.message}`, undefined, hintField(error))
      } else log.error('the settings were not reloaded', error)
    }
  }
  process.on('SIGHUP', onSignal)
  return { [Symbol.dispose]: () => void process.off('SIGHUP', onSignal) }
}

/** Returns the names of the settings that need a restart and have another text now. */
function listChangedSettings(config: Config, next: Config): readonly string[] {
  const textIn = ({ origins }: Config, key: (typeof settingKeys)[number]) =>
    origins.get(key)?.text?.reveal()
  return settingKeys
    .filter((key) => !reloadedKeys.includes(key) && textIn(config, key) !== textIn(next, key))
    .map((key) => settingTable[key].name)
}
