/**
 * The running server: what `snailpass serve` starts, in which order, and how it stops. The other files of this folder
 * start one part each.
 */
import { type Loop, startLoop } from '../../background'
import type { Settings } from '../../config/settings'
import { createTokens } from '../../crypto/tokens'
import { largeFileBytes } from '../../database/sqlite-clean-end'
import { createBackups } from '../../domain/backups'
import type { CertificateSource } from '../../domain/certificates'
import { createLoginEventBuffer } from '../../domain/login-events'
import { dataFolder } from '../../files/data-folder'
import type { Log } from '../../log'
import { version } from '../../version'
import { backupFolderOf } from '../backup-folder'
import { createLocalMatcher, urlsForClients } from '../local-addresses'
import { endpointOf } from '../running-server'
import type { Runtime } from '../runtime'
import { vaultUrlOf } from '../vault-url'
import { type Welcome, welcomeOf } from '../welcome'
import { startAnswerCache } from './answer-cache'
import { startAuditWriter } from './audit-writer'
import { watchBackupFolder } from './backup-folder-watch'
import { type RunBackup, startBackupSchedule } from './backup-schedule'
import { startCleanup } from './cleanup'
import { startClockWatch } from './clock'
import { createMailService } from './confirmation-mail'
import { openServerDatabase } from './database'
import { type CheckDatabase, startDatabaseCheck } from './database-check'
import { startHttp } from './http'
import type { Instruments } from './instruments'
import { startAnnouncing } from './mdns'
import { watchOpenFiles } from './open-files-watch'
import { watchProxies } from './proxy-watch'
import { createRules } from './rules'
import { tellCommands } from './server-file'

export interface ServerOptions {
  /** Whether to create a missing database: also a SQLite file that a URL names (true), or never (false). */
  readonly create?: boolean
  /** Called before a migration: see `ServerOpenOptions` of the database. */
  readonly beforeMigration?: () => Promise<void>
  /** Creates a scheduled backup. Without it, no backups are scheduled. */
  readonly runBackup?: RunBackup
  /** The certificates of HTTPS listeners, instead of those of the settings. Only tests set it. */
  readonly certificates?: CertificateSource
  /** Checks a large database beside the server. Without it, every database is checked before the server answers. */
  readonly checkDatabase?: CheckDatabase
  /** From which size in bytes a database is large. Only tests set it. */
  readonly largeDatabase?: number
  /** PBKDF2 iterations of new password hashes. Only tests set it: the default has the cost that production needs. */
  readonly iterations?: number
}

export interface Server {
  /** Where it listens, with the real ports, plain HTTP first. */
  readonly urls: readonly URL[]
  /** Returns what a person needs next. */
  welcome(): Promise<Welcome>
  /** Looks for new certificates now. */
  reloadCertificates(): void
  /**
   * Accepts no new request, waits at most `timeout` milliseconds for the running ones and for the email that is being
   * sent, cuts the rest, and closes the database and its lock.
   */
  stop(timeout: number): Promise<void>
}

/** Milliseconds between two looks after the database. */
const upkeepInterval = 1_000

/** Milliseconds for the last rows of the audit log. With the time for requests it fits in the 10 s of service managers. */
const auditTimeout = 1_500

/** Milliseconds that requests and an email get when the start fails after they began. */
const failedStartTimeout = 3_000

export interface ServerDeps {
  readonly settings: Settings
  readonly runtime: Runtime
  readonly log: Log
}

/** What the steps of a start share. */
interface Start extends ServerDeps {
  readonly options: ServerOptions
  /** Everything that was started, in this order. It is stopped in reverse order. */
  readonly stack: AsyncDisposableStack
  /** Services that are stopped at the same time: more than one may need all of the timeout. */
  readonly services: ((timeout: number) => Promise<unknown>)[]
  /** Each returns whether one part has stopped using the database. */
  readonly checks: (() => boolean)[]
}

/**
 * Starts the server. Each part goes on a stack as it starts: the stack is the way to stop, and the way to clean up after
 * a failed start, which leaves nothing running. Throws a DomainError with a hint when a part can't start.
 */
export async function startServer(deps: ServerDeps, options: ServerOptions = {}): Promise<Server> {
  const stack = new AsyncDisposableStack()
  const stopping = { timeout: failedStartTimeout }
  try {
    const start: Start = { ...deps, options, stack, services: [], checks: [] }
    const parts = await startParts(start, stopping)
    return {
      ...parts,
      stop(timeout) {
        stopping.timeout = timeout
        return stack.disposeAsync()
      },
    }
  } catch (error) {
    await stack
      .disposeAsync()
      .catch((fault) => deps.log.error('cleaning up after the failed start failed', fault))
    throw error
  }
}

/** Starts the parts, first those that can fail. */
async function startParts(
  start: Start,
  stopping: { timeout: number },
): Promise<Omit<Server, 'stop'>> {
  const { settings, runtime, log, options, stack, services, checks } = start
  const { checkDatabase, largeDatabase = largeFileBytes } = options
  const instruments = await createInstruments(start)
  const { name, isShared, upkeep, pendingCheck, key, ...opened } = await openServerDatabase({
    ...start,
    create: options.create ?? null,
    ...(options.beforeMigration !== undefined && { beforeMigration: options.beforeMigration }),
    checkBesideFrom: checkDatabase === undefined ? null : largeDatabase,
    onOpen: (store) =>
      stack.defer(async () => {
        // Work for a closed connection may still use the database. The end of the process then closes it just as safely.
        if (checks.every((isOver) => isOver())) await store.close()
      }),
  })
  const store = instruments?.observeStore(opened.store) ?? opened.store
  if (upkeep !== null) {
    const loop = startUpkeep(start, upkeep)
    stack.defer(async () => void (await loop.stop()))
  }
  const { clockWatch, loop: clockLoop } = await startClockWatch({ ...start, store })
  stack.defer(async () => void (await clockLoop.stop()))
  const tokens = createTokens(key, { ...runtime, lifetimes: tokenLifetimes(settings) })
  const mail = await createMailService({ ...start, store, isShared, tokens, clockWatch })
  const loginEvents = createLoginEventBuffer(runtime)
  const auditWriter = await startAuditWriter({ ...start, store, loginEvents, clockWatch })
  let isAuditWritten = false
  checks.push(() => isAuditWritten)
  // Stops after the last request, whose sign-in may have to be written.
  stack.defer(async () => {
    isAuditWritten = await auditWriter.stop(auditTimeout)
  })
  stack.defer(() => stopTogether(services, stopping.timeout))

  const bareBackups = createBackups({ store, ...runtime })
  const backups = instruments?.countFailures(bareBackups) ?? bareBackups
  const { runBackup: run } = options
  const schedule = run === undefined ? null : settings.backupSchedule
  const watch =
    schedule === null
      ? null
      : watchBackupFolder({
          ...start,
          backups,
          folder: backupFolderOf({ settings, folder: dataFolder(settings.dataDir) }),
        })
  if (watch !== null) services.push((timeout) => watch.loop.stop(timeout))
  const backupFolder = () => watch?.report() ?? null
  const check =
    pendingCheck === null || checkDatabase === undefined
      ? null
      : startDatabaseCheck({
          ...{ pending: pendingCheck, check: checkDatabase },
          ...{ wait: runtime.wait, log },
        })
  if (check !== null) services.push(() => check.stop())
  const openFiles = watchOpenFiles(start)
  services.push((timeout) => openFiles.loop.stop(timeout))
  const answers = startAnswerCache(start)
  services.push((timeout) => answers.loop.stop(timeout))
  const isLocal = createLocalMatcher(runtime.monotonicClock)
  const proxies = watchProxies(log, isLocal)
  const rules = createRules({
    ...start,
    store,
    tokens,
    clockWatch,
    loginEvents,
    answerCache: answers.cache,
    confirmation: mail.confirmation,
    iterations: options.iterations,
    instruments,
  })
  const { urls, reloadCertificates, ...http } = await startHttp({
    ...start,
    ownCertificates: options.certificates ?? null,
    rules,
    store,
    clockWatch,
    backups: schedule === null ? null : backups,
    backupFolder,
    damage: () => check?.problem() ?? null,
    watches: [
      { kind: 'open_files', problem: openFiles.problem },
      { kind: 'unlisted_proxy', problem: proxies.problem },
    ],
    proxies,
    isLocal,
    instruments,
  })
  if (instruments !== null) {
    const { startMetrics } = await import('./metrics')
    const { retryCount } = opened.store
    const { isIntact: isAuditIntact } = auditWriter
    const sources = { ...start, ...http, store, retryCount, isAuditIntact }
    stack.use(await startMetrics({ ...sources, instruments, databaseFile: opened.file }))
  }
  if (run !== undefined && schedule !== null) {
    const loop = startBackupSchedule({ ...start, backups, folder: backupFolder, run, schedule })
    services.push(() => loop.stop())
  }
  const { isRequired: isConfirmationRequired } = mail.confirmation
  const cleanup = startCleanup({ ...start, store, clockWatch, isConfirmationRequired })
  let isCleanupOver = false
  checks.push(() => isCleanupOver)
  services.push(async (timeout) => {
    isCleanupOver = await cleanup.stop(timeout)
  })
  const mdns = await startAnnouncing({ ...start, urls })
  if (mdns !== null) services.push(() => mdns.stop())
  stack.use(tellCommands(start, urls))
  log.info(`started snailpass ${version}`, { database: name })
  for (const { href } of urls) log.info(`listening on ${href}`)
  const vaultUrl = vaultUrlOf(settings.publicUrl, urls)
  if (vaultUrl !== null) log.info(`vault in a browser: ${vaultUrl}`)

  // Last, because the email that is being sent can't be cancelled: nothing can fail after it.
  const runningMail = mail.start()
  let isMailDone = false
  checks.push(() => isMailDone)
  services.push(async (timeout) => {
    isMailDone = await runningMail.stop(timeout)
  })
  return {
    urls,
    reloadCertificates,
    async welcome() {
      const hasAccounts = await store.readOne((tx) => tx.usage.hasAccounts())
      const addresses = urlsForClients(urls.map(endpointOf), settings)
      return welcomeOf(settings, addresses, { isEmpty: !hasAccounts })
    },
  }
}

/** Returns how long tokens are valid, in seconds. */
function tokenLifetimes({ tokenSeconds, linkMinutes }: Settings) {
  return { session: tokenSeconds, confirmation: linkMinutes * 60 }
}

/** Looks after the open database every second. */
function startUpkeep({ runtime, log }: ServerDeps, upkeep: () => Promise<void>): Loop {
  const options = { name: 'the check of the database', expectedLevel: 'error' } as const
  return startLoop(
    { ...options, wait: runtime.wait, log, retryDelay: upkeepInterval },
    async () => {
      await upkeep()
      return upkeepInterval
    },
  )
}

/** Returns null unless there is a listener for metrics. */
async function createInstruments({ settings, runtime }: ServerDeps): Promise<Instruments | null> {
  if (settings.listenMetrics.length === 0) return null
  const instruments = await import('./instruments')
  return instruments.createInstruments(runtime.monotonicClock)
}

/** Stops services at the same time. Throws the first failure, once all of them have ended. */
async function stopTogether(
  services: readonly ((timeout: number) => Promise<unknown>)[],
  timeout: number,
): Promise<void> {
  const results = await Promise.allSettled(services.map((stop) => stop(timeout)))
  const failure = results.find((result) => result.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}
