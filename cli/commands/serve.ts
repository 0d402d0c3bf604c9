/** The commands, one file each: options, help and output. What a command does is an operation of src/app. */
import { Command } from 'commander'
import { requireOpenFiles } from '../../src/app/open-files'
import { systemRuntime } from '../../src/app/runtime'
import { createCommandRunner } from '../../src/app/server/child-command'
import { parseDamage } from '../../src/app/server/database-check'
import { type Server, startServer } from '../../src/app/server/server'
import { releaseStartMemory } from '../../src/app/start-memory'
import { openTargets } from '../../src/app/targets'
import { createChildEnvironment } from '../../src/config/load'
import type { Settings } from '../../src/config/settings'
import { settingKeys } from '../../src/config/settings'
import { type Log, openLog } from '../../src/log'
import { formatAdoption } from '../adoption-report'
import { loadCommandConfig, withConfigOptions } from '../config-options'
import { compileHotCode } from '../jit'
import { logOptionsOf, reloadOnHangup } from '../reload'
import { shutdownSignals } from '../signals'
import { type Supervision, supervised } from '../supervision'
import { info } from '../terminal'

/** How long running requests may take after a signal, in milliseconds. Service managers wait at least ten seconds. */
const shutdownTimeout = 8_000

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('run the server')
    .option('--create', 'create the SQLite file that the database URL names, if it is missing')
    .option('--no-create', 'never create a database')
    .option('--adopt', 'first migrate a database of the original server (see snailpass adopt)')
  return withConfigOptions(command, settingKeys)
    .addHelpText(
      'after',
      `
If no database URL is set, the server uses a database in the data folder and
creates it if it is missing. With the URL of an empty Postgres database, the
server creates its tables there. A SQLite file that a URL names must exist,
unless --create is given. A database that is missing although the data folder
has its secret key, backups or copies is lost: the server does not start, and
says how to restore it. snailpass recreate-db creates a new one instead.

On SIGTERM or SIGINT (on Windows: Ctrl-C, Ctrl-Break, or the console is closed)
the server finishes running requests and exits; a second signal makes it exit
immediately. On SIGHUP (not on Windows) it reloads certificates and the settings
of the log; all other settings need a restart.

Example:
  snailpass serve --data-dir /srv/snailpass --listen 0.0.0.0:5000`,
    )
    .action((options: ServeOptions) =>
      supervised((supervision) => serve(command, options, supervision)),
    )
}

interface ServeOptions {
  /** Undefined without `--create` and `--no-create`. */
  readonly create?: boolean
  readonly adopt?: true
}

/** Runs the server until a signal arrives. Throws the error that ended it otherwise. */
async function serve(
  command: Command,
  options: ServeOptions,
  { manager, attempts }: Supervision,
): Promise<void> {
  const config = loadCommandConfig(command)
  const { settings, warnings } = config
  requireOpenFiles('server')
  const { log, configure, flush } = openLog(
    logOptionsOf(settings),
    systemRuntime.clock,
    process.stderr.fd,
  )
  const shutdown = listenForShutdown(log)
  let server: Server | null = null
  const hangups = reloadOnHangup({
    ...{ command, config, log, configureLog: configure },
    reloadCertificates: () => server?.reloadCertificates(),
  })
  try {
    for (const warning of warnings) log.warn(warning)
    if (options.adopt === true) await adoptFirst(settings, log)
    const environment = createChildEnvironment(config, process.env)
    const commandOf = (...args: readonly string[]) => [process.execPath, ...args]
    // It only reads, so it can be killed.
    const runCheck = createCommandRunner(
      commandOf('service', 'step', 'check'),
      environment,
      'SIGKILL',
    )
    const starting = startServer(
      { settings, runtime: systemRuntime, log },
      {
        ...(options.create !== undefined && { create: options.create }),
        runBackup: createCommandRunner(commandOf('backup', '--prune'), environment),
        checkDatabase: async (signal) => parseDamage(await runCheck(signal)),
      },
    )
    const serverOrSignal = await Promise.race([starting, shutdown.requested])
    // The start can wait for another process. The exit of the process releases what it holds.
    if (typeof serverOrSignal === 'string') {
      log.info(`${serverOrSignal}: stopped before the server was ready`)
      return
    }
    server = serverOrSignal
    compileHotCode()
    void releaseStartMemory(systemRuntime)
    attempts?.ready()
    manager?.ready()
    if (process.stderr.isTTY) {
      // After the lines of the start.
      flush()
      const { printWelcome } = await import('../welcome')
      const welcome = await server.welcome()
      info('')
      info('SnailPass is ready. Its addresses:')
      for (const address of welcome.addresses) info(`  ${address}`)
      await printWelcome(welcome, null)
    }
    try {
      log.info(`${await shutdown.requested}: shutting down`)
    } finally {
      manager?.stopping()
      await server.stop(shutdownTimeout)
    }
    log.info('stopped')
  } finally {
    hangups[Symbol.dispose]()
    shutdown.dispose()
    flush()
  }
}

async function adoptFirst(settings: Settings, log: Log): Promise<void> {
  const { adoptDatabase } = await import('../../src/app/operations/adopt')
  const report = await adoptDatabase(openTargets(settings, systemRuntime), {
    keep: [],
    dryRun: false,
    isNamed: false,
    onProgress: null,
  })
  if (typeof report === 'string') return
  log.info('migrated a database of the original server')
  for (const line of formatAdoption(report)) log.info(line)
  if (report.backupPath !== null) log.info(`backup of the original file: ${report.backupPath}`)
}

/** `requested` resolves to the name of the first signal, and rejects with the first uncaught error. */
function listenForShutdown(log: Log): { requested: Promise<string>; dispose(): void } {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let isStopping = false
  const onSignal = (signal: NodeJS.Signals, number: number) => {
    // The exit code of POSIX shells for a signal.
    if (isStopping) process.exit(128 + number)
    isStopping = true
    resolve(signal)
  }
  const signals = shutdownSignals()
  const errorEvents = ['uncaughtException', 'unhandledRejection'] as const
  for (const signal of signals) process.on(signal, onSignal)
  const onError = (error: unknown) => {
    log.error('uncaught error', error)
    reject(error)
  }
  for (const event of errorEvents) process.on(event, onError)
  // A rejection before anyone awaits the promise must not count as unhandled. A later await still gets it.
  promise.catch(() => {})
  return {
    requested: promise,
    dispose() {
      for (const signal of signals) process.off(signal, onSignal)
      for (const event of errorEvents) process.off(event, onError)
    },
  }
}
