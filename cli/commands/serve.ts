import { Command } from 'commander'
import { adoptDatabase } from '../../src/app/operations/adopt'
import { systemRuntime } from '../../src/app/runtime'
import { createBackupRunner } from '../../src/app/server/backup-process'
import { startServer } from '../../src/app/server/server'
import { createChildEnvironment } from '../../src/config/load'
import type { Settings } from '../../src/config/settings'
import { settingKeys } from '../../src/config/settings'
import { type Log, openLog } from '../../src/log'
import { formatAdoption } from '../adoption-report'
import { loadCommandConfig, withConfigOptions } from '../config-options'

/** How long requests under way may take after a signal, in milliseconds: service managers wait for ten seconds at least. */
const shutdownTimeout = 8_000

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('run the server')
    .option('--create', 'make the SQLite file that a URL names when it is missing')
    .option('--adopt', 'take a database of the original server over first (see snailpass adopt)')
  return withConfigOptions(command, settingKeys)
    .addHelpText(
      'after',
      `
A database is made when the data folder has none, or the Postgres database that a URL names
is empty. A SQLite file that a URL names must be there.

SIGTERM and SIGINT finish the requests under way and exit; a second one ends at once.

Example:
  snailpass serve --data-dir /srv/snailpass --listen 0.0.0.0:5000`,
    )
    .action((options: ServeOptions) => serve(command, options))
}

interface ServeOptions {
  readonly create?: true
  readonly adopt?: true
}

/** Runs until a signal ends it. Throws what ended it otherwise. */
async function serve(command: Command, options: ServeOptions): Promise<void> {
  const config = loadCommandConfig(command)
  const { settings, warnings } = config
  const { log, flush } = openLog(settings.logFormat, systemRuntime.clock, process.stderr.fd)
  const shutdown = listenForShutdown(log)
  try {
    for (const warning of warnings) log.warn(warning)
    if (options.adopt === true) await adoptFirst(settings, log)
    const starting = startServer(settings, systemRuntime, log, {
      create: options.create === true,
      runBackup: createBackupRunner(
        [process.execPath, 'backup', '--prune'],
        createChildEnvironment(config, process.env),
      ),
    })
    const server = await Promise.race([starting, shutdown.requested])
    // It may wait for others there; whatever it holds ends with the process.
    if (typeof server === 'string') {
      log.info(`${server}: stopped before it served`)
      return
    }
    try {
      log.info(`${await shutdown.requested}: finishing the requests under way`)
    } finally {
      await server.stop(shutdownTimeout)
    }
    log.info('stopped')
  } finally {
    shutdown.dispose()
    flush()
  }
}

async function adoptFirst(settings: Settings, log: Log): Promise<void> {
  const report = await adoptDatabase(settings, systemRuntime, { keep: [], dryRun: false })
  if (report === null) return
  log.info("took over a database of the original server's")
  for (const line of formatAdoption(report)) log.info(line)
  if (report.backupPath !== null) log.info(`the file as it was: ${report.backupPath}`)
}

/** Resolves with the first signal's name, rejects with the first fault that nobody caught. */
function listenForShutdown(log: Log): { requested: Promise<string>; dispose(): void } {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let isEnding = false
  const onSignal = (signal: NodeJS.Signals, number: number) => {
    // Convention of shells: 128 and the number of the signal.
    if (isEnding) process.exit(128 + number)
    isEnding = true
    resolve(signal)
  }
  const signals = ['SIGTERM', 'SIGINT'] as const
  const faults = ['uncaughtException', 'unhandledRejection'] as const
  for (const signal of signals) process.on(signal, onSignal)
  const onFault = (fault: unknown) => {
    log.error('a fault that nobody caught', fault)
    reject(fault)
  }
  for (const fault of faults) process.on(fault, onFault)
  // A fault before anybody waits is still told to whoever waits later.
  promise.catch(() => {})
  return {
    requested: promise,
    dispose() {
      for (const signal of signals) process.off(signal, onSignal)
      for (const fault of faults) process.off(fault, onFault)
    },
  }
}
