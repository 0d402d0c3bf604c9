import type { Settings } from '../../config/settings'
import { createTokens } from '../../crypto/tokens'
import { createAcmeChallenges } from '../../domain/acme-challenges'
import { createBackups } from '../../domain/backups'
import type { CertificateSource } from '../../domain/certificates'
import { createLoginEventBuffer } from '../../domain/login-events'
import { isLoopback, isPrivate } from '../../domain/networks'
import { createReadiness } from '../../domain/readiness'
import type { Wait } from '../../domain/runtime'
import { ensureDataFolder, tightenPermissions } from '../../files/data-folder'
import { createApi } from '../../http/api'
import { createBaseUrlResolver, portOf } from '../../http/base-url'
import { createRequireHttps } from '../../http/require-https'
import type { Log } from '../../log'
import { version } from '../../version'
import { localHosts } from '../local-addresses'
import type { Runtime } from '../runtime'
import { requireSecretKey } from '../secret-key'
import { openTargets } from '../targets'
import { startAuditWriter } from './audit-writer'
import { type RunBackup, startBackupSchedule } from './backup-schedule'
import { openCertificates } from './certificates'
import { createMailService } from './confirmation-mail'
import { type Listeners, startListeners } from './listeners'
import { startAnnouncing } from './mdns'
import { createRules } from './rules'

export interface ServerOptions {
  /** Makes the SQLite file that a URL names when it is missing. */
  readonly create?: boolean
  /** How archives are made by themselves; without it, they are not. */
  readonly runBackup?: RunBackup
  /** Where HTTPS listeners have their certificate from. */
  readonly certificates?: CertificateSource
  /** PBKDF2 iterations of new verifiers; only tests set it, for the production cost is the default. */
  readonly iterations?: number
}

export interface Server {
  /** Where it listens, with the real ports, plain HTTP first. */
  readonly urls: readonly URL[]
  /**
   * Takes no new request, waits for those under way for at most so many milliseconds, cuts the rest, and
   * lets go of the database and the folder.
   */
  stop(timeout: number): Promise<void>
}

/** How long the end of the audit trail may take to be written, in milliseconds: service managers wait for ten seconds at least. */
const auditTimeout = 1_500

/**
 * Starts the server: data folder, database with its lock, key, listener, in this order; `stop` goes back the
 * same way. Throws a DomainError with a hint when one of them cannot be had, and holds nothing then.
 */
export async function startServer(
  settings: Settings,
  runtime: Runtime,
  log: Log,
  options: ServerOptions = {},
): Promise<Server> {
  const { folder, database, location } = openTargets(settings, runtime)
  ensureDataFolder(folder)
  // A file that a URL names is somewhere already: a slip of the pen must not make an empty one.
  const create = settings.database === null || location.engine === 'postgres' || options.create
  const { store, created, isShared, backupPath } = await database.openForServer({
    create: create === true,
    freeSpaceLimit: {
      minBytes: settings.minFreeSpace,
      onChange: (isLow) =>
        isLow
          ? log.error(
              `writes are refused: less than ${settings.minFreeSpace} bytes are free where ${database.name} lies`,
            )
          : log.info('there is space again: writes are taken'),
    },
    onWaiting: () =>
      log.info(`waiting for ${database.name}: it is not up yet, or somebody else is at work on it`),
  })
  try {
    const { key, isNew, previousContent } = await requireSecretKey(store, settings, folder, runtime)
    if (isNew) log.info(`made a new secret key: ${folder.secretKey}`)
    if (previousContent !== null && previousContent.accounts + previousContent.rows > 0) {
      log.warn(
        'the database had no secret key, but contents: that is so after adopt, restore, copy and recreate-db; else somebody has taken its signatures away',
        { ...previousContent },
      )
    }
    const files = location.engine === 'sqlite' ? [location.path] : []
    for (const warning of tightenPermissions(folder, files)) log.warn(warning)
    if (created) log.info(`made a new database: ${database.name}`)
    if (backupPath !== null) log.info(`migrated the database; the copy from before: ${backupPath}`)

    const tokens = createTokens(key, runtime.clock)
    const mail = createMailService({ store, isShared }, tokens, settings, runtime, log)
    let endpoints: readonly { protocol: string; hostname: string; port: number }[] = []
    const resolveBaseUrl = createBaseUrlResolver({
      publicUrl: settings.publicUrl,
      publicHosts: settings.publicHosts,
      localHosts,
      endpoints: () => endpoints,
    })
    const { runBackup } = options
    const schedule = runBackup === undefined ? null : settings.backupSchedule
    const backups = createBackups({ store, ...runtime })
    const readiness = createReadiness({
      store,
      backups: schedule === null ? null : backups,
      clock: runtime.clock,
    })
    const loginEvents = createLoginEventBuffer(runtime)
    const rules = createRules({
      store,
      tokens,
      settings,
      runtime,
      confirmation: mail.confirmation,
      loginEvents,
      log,
      iterations: options.iterations,
    })
    const requireHttps = createRequireHttps(
      (address) =>
        settings.listenTls.length === 0 ||
        settings.plainLogins === 'all' ||
        (address !== null && isPrivate(address)),
    )
    const challenges = createAcmeChallenges({ store, ...runtime })
    const certificates =
      options.certificates === undefined
        ? await openCertificates(settings, challenges, runtime, log)
        : null
    const api = createApi({
      ...rules,
      readiness,
      resolveBaseUrl,
      requireHttps,
      authority: () => certificates?.authority() ?? null,
      findChallenge: settings.tls === 'acme' ? challenges.find : null,
      tlsPort: () => endpoints.find(({ protocol }) => protocol === 'https:')?.port ?? null,
      httpPort: () =>
        endpoints.find(({ protocol, hostname }) => protocol === 'http:' && !isLoopback(hostname))
          ?.port ?? null,
      log,
    })
    const listeners = await startListeners(
      api,
      settings,
      options.certificates ?? certificates,
      runtime,
      log,
    ).catch(async (error: unknown) => {
      await certificates?.stop()
      throw error
    })
    endpoints = listeners.urls.flatMap((url) => {
      const { protocol } = url
      const hostname = url.hostname.replaceAll(/[[\]]/g, '')
      return protocol === 'unix:' ? [] : [{ protocol, hostname, port: portOf(url) }]
    })
    const mailService = await mail.start()
    const auditWriter = startAuditWriter(store, loginEvents, settings, runtime, log)
    const backupLoop =
      schedule === null || runBackup === undefined
        ? null
        : startBackupSchedule(backups, runBackup, schedule, runtime, log)
    for (const { href } of listeners.urls) {
      log.info(`snailpass ${version} serves ${database.name} at ${href}`)
    }
    const mdns = startAnnouncing(settings, listeners.urls, runtime, log)
    return {
      urls: listeners.urls,
      async stop(timeout) {
        const [isMailDone] = await Promise.all([
          mailService.stop(timeout),
          drain(listeners, timeout, runtime.wait),
          backupLoop?.stop(),
          certificates?.stop(),
          mdns?.stop(),
        ])
        // After the last request, whose sign-in it may have to tell of.
        const isAuditWritten = await auditWriter.stop(auditTimeout)
        // Work for a cut connection may go on in the database; the end of the process closes it as safely.
        if (listeners.isIdle() && isMailDone && isAuditWritten) await store.close()
      },
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** Waits until every request under way is answered, and cuts those that outlast the patience. */
async function drain(listeners: Listeners, timeout: number, wait: Wait): Promise<void> {
  const timer = new AbortController()
  const timedOut = wait(timeout, timer.signal).then(
    () => listeners.stop({ now: true }),
    // Aborted: everything was answered in time.
    () => {},
  )
  await Promise.race([listeners.stop(), timedOut])
  timer.abort()
}
