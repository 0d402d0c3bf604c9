import { isLoopback, isPrivate } from '../config/networks'
import type { Settings } from '../config/settings'
import { createTokens } from '../crypto/tokens'
import { createDerive, createVerifierHasher } from '../crypto/verifiers'
import { createAcmeChallenges } from '../domain/acme-challenges'
import { createAdditionalFields } from '../domain/additional-fields'
import { createBackups } from '../domain/backups'
import { type Confirmation, createEmailConfirmation } from '../domain/email-confirmation'
import { createLogin } from '../domain/login'
import { createLoginTrail, type LoginTrail } from '../domain/login-trail'
import { createNotes } from '../domain/notes'
import { createReadiness } from '../domain/readiness'
import { createRecords } from '../domain/records'
import { createSessions } from '../domain/sessions'
import type { Store } from '../domain/store'
import type { Tokens } from '../domain/tokens'
import { createUsers } from '../domain/users'
import { createVaultBound } from '../domain/vault-bound'
import type { Wait } from '../domain/world'
import { type ApiDeps, createApi } from '../http/api'
import { createBaseUrl, portOf } from '../http/base-url'
import type { Certificates } from '../http/certified'
import { requireSafeAmong } from '../http/plain-logins'
import type { Log } from '../log'
import { ensureFolder, tightenPermissions } from '../store/data-folder'
import { version } from '../version'
import { startAuditing } from './auditing'
import { type RunBackup, startBackupSchedule } from './backup-schedule'
import { openCertificates } from './certificates'
import { placesOf } from './database'
import { limitsOf } from './limits'
import { type Listeners, startListeners } from './listeners'
import { createMailing } from './mailing'
import { announce } from './mdns'
import { ownHosts } from './own-hosts'
import { requireSecretKey } from './secret-key'
import { signUpPolicyOf } from './users'
import type { World } from './world'

export interface ServerOptions {
  /** Makes the SQLite file that a URL names when it is missing. */
  readonly create?: boolean
  /** How archives are made by themselves; without it, they are not. */
  readonly runBackup?: RunBackup
  /** Where HTTPS listeners have their certificate from. */
  readonly certificates?: Certificates
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
  stop(patience: number): Promise<void>
}

/** How long the end of the audit trail may take to be written, in milliseconds: service managers wait for ten seconds at least. */
const trailPatience = 1_500

/**
 * Starts the server: data folder, database with its lock, key, listener, in this order; `stop` goes back the
 * same way. Throws a DomainError with a hint when one of them cannot be had, and holds nothing then.
 */
export async function startServer(
  settings: Settings,
  world: World,
  log: Log,
  options: ServerOptions = {},
): Promise<Server> {
  const { folder, database, location } = placesOf(settings, world)
  ensureFolder(folder)
  // A file that a URL names is somewhere already: a slip of the pen must not make an empty one.
  const create = settings.database === null || location.engine === 'postgres' || options.create
  const { store, created, isShared, safetyCopy } = await database.serve({
    create: create === true,
    space: {
      least: settings.minFreeSpace,
      changed: (isLow) =>
        isLow
          ? log.error(
              `writes are refused: less than ${settings.minFreeSpace} bytes are free where ${database.name} lies`,
            )
          : log.info('there is space again: writes are taken'),
    },
    waiting: () =>
      log.info(`waiting for ${database.name}: it is not up yet, or somebody else is at work on it`),
  })
  try {
    const { key, made, before } = await requireSecretKey(store, settings, folder, world)
    if (made) log.info(`made a new secret key: ${folder.secretKey}`)
    if (before !== null && before.accounts + before.rows > 0) {
      log.warn(
        'the database had no secret key, but contents: that is so after adopt, restore, copy and recreate-db; else somebody has taken its signatures away',
        { ...before },
      )
    }
    const files = location.engine === 'sqlite' ? [location.path] : []
    for (const warning of tightenPermissions(folder, files)) log.warn(warning)
    if (created) log.info(`made a new database: ${database.name}`)
    if (safetyCopy !== null) log.info(`migrated the database; the copy from before: ${safetyCopy}`)

    const tokens = createTokens(key, world.clock)
    const mailing = createMailing({ store, isShared }, tokens, settings, world, log)
    let doors: readonly { protocol: string; hostname: string; port: number }[] = []
    const baseUrl = createBaseUrl({
      publicUrl: settings.publicUrl,
      listed: settings.publicHosts,
      ownHosts,
      doors: () => doors,
    })
    const { runBackup } = options
    const schedule = runBackup === undefined ? null : settings.backupSchedule
    const backups = createBackups({ store, ...world })
    const readiness = createReadiness({
      store,
      backups: schedule === null ? null : backups,
      clock: world.clock,
    })
    const trail = createLoginTrail(world)
    const rules = rulesOver(
      store,
      tokens,
      settings,
      world,
      mailing.confirmation,
      trail,
      log,
      options,
    )
    const requireSafe = requireSafeAmong(
      (address) =>
        settings.listenTls.length === 0 ||
        settings.plainLogins === 'all' ||
        (address !== null && isPrivate(address)),
    )
    const challenges = createAcmeChallenges({ store, ...world })
    const certificates =
      options.certificates === undefined
        ? await openCertificates(settings, challenges, world, log)
        : null
    const api = createApi({
      ...rules,
      readiness,
      baseUrl,
      requireSafe,
      authority: () => certificates?.authority() ?? null,
      findChallenge: settings.tls === 'acme' ? challenges.find : null,
      tlsPort: () => doors.find(({ protocol }) => protocol === 'https:')?.port ?? null,
      plainPort: () =>
        doors.find(({ protocol, hostname }) => protocol === 'http:' && !isLoopback(hostname))
          ?.port ?? null,
      log,
    })
    const listeners = await startListeners(
      api,
      settings,
      options.certificates ?? certificates,
      world.wait,
      log,
    ).catch(async (error: unknown) => {
      await certificates?.stop()
      throw error
    })
    doors = listeners.urls.flatMap((url) => {
      const { protocol } = url
      const hostname = url.hostname.replaceAll(/[[\]]/g, '')
      return protocol === 'unix:' ? [] : [{ protocol, hostname, port: portOf(url) }]
    })
    const running = await mailing.start()
    const auditing = startAuditing(store, trail, settings, world, log)
    const archiving =
      schedule === null || runBackup === undefined
        ? null
        : startBackupSchedule(backups, runBackup, schedule, world, log)
    for (const { href } of listeners.urls) {
      log.info(`snailpass ${version} serves ${database.name} at ${href}`)
    }
    const mdns = announce(settings, listeners.urls, world, log)
    return {
      urls: listeners.urls,
      async stop(patience) {
        const [isMailOver] = await Promise.all([
          running.stop(patience),
          drain(listeners, patience, world.wait),
          archiving?.stop(),
          certificates?.stop(),
          mdns?.stop(),
        ])
        // After the last request, whose sign-in it may have to tell of.
        const isTrailOver = await auditing.stop(trailPatience)
        // Work for a cut connection may go on in the database; the end of the process closes it as safely.
        if (listeners.isIdle() && isMailOver && isTrailOver) await store.close()
      },
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

function rulesOver(
  store: Store,
  tokens: Tokens,
  settings: Settings,
  world: World,
  confirmation: Confirmation,
  trail: LoginTrail,
  log: Log,
  { iterations }: ServerOptions,
): Omit<
  ApiDeps,
  | 'baseUrl'
  | 'log'
  | 'readiness'
  | 'requireSafe'
  | 'authority'
  | 'tlsPort'
  | 'plainPort'
  | 'findChallenge'
> {
  const { clock, random } = world
  const limits = limitsOf(settings, world, log)
  const bound = createVaultBound(settings.maxVault)
  const hasher = createVerifierHasher(random, iterations, createDerive(settings.loginQueue))
  const sessions = createSessions({ store, tokens, seconds: settings.tokenSeconds })
  return {
    sessions,
    users: createUsers({
      quota: limits.signUps,
      store,
      hasher,
      random,
      clock,
      confirmation,
      signUps: signUpPolicyOf(settings),
    }),
    login: createLogin({
      store,
      hasher,
      sessions,
      confirmation,
      guesses: limits.guesses,
      trail,
      clock,
    }),
    emailConfirmation: createEmailConfirmation({
      store,
      tokens,
      quota: limits.confirmations,
      clock,
    }),
    records: createRecords({ store, clock, bound }),
    additionalFields: createAdditionalFields({ store, bound }),
    notes: createNotes({ store, clock, bound }),
    version,
    maxBody: settings.maxBody,
    corsOrigins: settings.corsOrigins,
    wait: world.wait,
  }
}

/** Waits until every request under way is answered, and cuts those that outlast the patience. */
async function drain(listeners: Listeners, patience: number, wait: Wait): Promise<void> {
  const timer = new AbortController()
  const timeout = wait(patience, timer.signal).then(
    () => listeners.stop({ now: true }),
    // Aborted: everything was answered in time.
    () => {},
  )
  await Promise.race([listeners.stop(), timeout])
  timer.abort()
}
