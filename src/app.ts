import { setTimeout } from 'node:timers/promises'
import { formatListenAddress } from './config/listen-address'
import type { Settings } from './config/settings'
import { createTokens } from './crypto/tokens'
import { createVerifierHasher } from './crypto/verifiers'
import { createAdditionalFields } from './domain/additional-fields'
import { createEmailConfirmation } from './domain/email-confirmation'
import { DomainError, reasonOf } from './domain/errors'
import { createLogin } from './domain/login'
import { createNotes } from './domain/notes'
import { createRecords } from './domain/records'
import { createSessions } from './domain/sessions'
import type { Store } from './domain/store'
import { createUsers } from './domain/users'
import type { Clock, Random, Wait } from './domain/world'
import { type ApiDeps, createApi } from './http/api'
import { type Listener, listen } from './http/listener'
import type { Log } from './log'
import {
  type DataFolder,
  dataFolder,
  ensureFolder,
  lockFolder,
  tightenPermissions,
} from './store/data-folder'
import { openStore, recreateDatabase, requireDatabase } from './store/open'
import { secretKeyOf } from './store/secret-key-file'
import { version } from './version'

/** What the program takes from outside besides its settings, so that a test can own it. */
export interface World {
  readonly clock: Clock
  readonly random: Random
  readonly wait: Wait
}

export const realWorld: World = {
  clock: Date.now,
  random: (count) => crypto.getRandomValues(new Uint8Array(count)),
  wait: (milliseconds, signal) => setTimeout(milliseconds, undefined, { signal }),
}

export interface ServerOptions {
  /** PBKDF2 iterations of new verifiers; only tests set it, for the production cost is the default. */
  readonly iterations?: number
}

export interface Server {
  /** Where it listens, with the real port. */
  readonly url: URL
  /**
   * Takes no new request, waits for those under way for at most so many milliseconds, cuts the rest, and
   * lets go of the database and the folder.
   */
  stop(patience: number): Promise<void>
}

/**
 * Starts the server: data folder, lock, database, key, listener, in this order; `stop` goes back the same
 * way. Throws a DomainError with a hint when one of them cannot be had, and holds nothing then.
 */
export async function startServer(
  settings: Settings,
  world: World,
  log: Log,
  options: ServerOptions = {},
): Promise<Server> {
  const folder = dataFolder(settings.dataDir)
  ensureFolder(folder)
  const lock = lockFolder(folder)
  try {
    const { store, created, safetyCopy } = await openStore(folder, { create: true, timing: world })
    try {
      const secretKey = requireSecretKey(settings, folder, world.random, log)
      for (const warning of tightenPermissions(folder)) log.warn(warning)
      if (created) log.info(`made a new database: ${folder.database}`)
      if (safetyCopy !== null)
        log.info(`migrated the database; the copy from before: ${safetyCopy}`)

      const api = createApi({ ...rulesOver(store, secretKey, settings, world, options), log })
      const listener = startListener(api, settings, log)
      log.info('email confirmation is off: sign-ups are confirmed at once')
      log.info(`snailpass ${version} serves ${folder.path} at ${listener.url.href}`)
      return {
        url: listener.url,
        async stop(patience) {
          await drain(listener, patience, world.wait)
          // Work for a cut connection may go on in the database; the end of the process closes it as safely.
          if (!listener.isIdle()) return
          store.close()
          lock.release()
        },
      }
    } catch (error) {
      store.close()
      throw error
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/**
 * Empties the database of the data folder after a safety copy, whose path it answers. `consent` is asked for
 * once it is known that this can be done, and throws when it is not given. Throws a DomainError.
 */
export async function recreate(
  settings: Settings,
  world: World,
  consent: () => Promise<void>,
): Promise<string> {
  const folder = dataFolder(settings.dataDir)
  requireDatabase(folder)
  const lock = lockFolder(folder)
  try {
    await consent()
    return await recreateDatabase(folder, world)
  } finally {
    lock.release()
  }
}

function rulesOver(
  store: Store,
  secretKey: Uint8Array,
  settings: Settings,
  { clock, random }: World,
  { iterations }: ServerOptions,
): Omit<ApiDeps, 'log'> {
  const tokens = createTokens(secretKey, clock)
  const hasher = createVerifierHasher(random, iterations)
  const sessions = createSessions({ store, tokens, seconds: settings.tokenSeconds })
  return {
    sessions,
    users: createUsers({ store, hasher, random }),
    login: createLogin({ store, hasher, sessions }),
    emailConfirmation: createEmailConfirmation({ store, tokens }),
    records: createRecords({ store, clock }),
    additionalFields: createAdditionalFields({ store }),
    notes: createNotes({ store, clock }),
    version,
    maxBody: settings.maxBody,
  }
}

function requireSecretKey(
  settings: Settings,
  folder: DataFolder,
  random: Random,
  log: Log,
): Uint8Array {
  if (settings.secretKey !== null) return new TextEncoder().encode(settings.secretKey.reveal())
  const { key, made } = secretKeyOf(folder, random)
  if (made) log.info(`made a new secret key: ${folder.secretKey}`)
  return key
}

function startListener(api: ReturnType<typeof createApi>, settings: Settings, log: Log): Listener {
  try {
    return listen(api, settings.listen, log)
  } catch (cause) {
    const address = formatListenAddress(settings.listen)
    throw new DomainError('unavailable', `can't listen on ${address}: ${reasonOf(cause)}`, {
      hint: 'see that it is an address of this machine and that nothing else listens there, or choose another one with --listen',
      cause,
    })
  }
}

/** Waits until every request under way is answered, and cuts those that outlast the patience. */
async function drain(listener: Listener, patience: number, wait: Wait): Promise<void> {
  const timer = new AbortController()
  const timeout = wait(patience, timer.signal).then(
    () => listener.stop({ now: true }),
    // Aborted: everything was answered in time.
    () => {},
  )
  await Promise.race([listener.stop(), timeout])
  timer.abort()
}
