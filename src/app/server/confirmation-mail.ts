import type { Settings } from '../../config/settings'
import type { ConfirmationPolicy } from '../../domain/email-confirmation'
import { errorMessage } from '../../domain/errors'
import { createEmailQueue } from '../../domain/outbox'
import type { Tokens } from '../../domain/tokens'
import { removeUnconfirmed } from '../../domain/unconfirmed-accounts'
import type { Log } from '../../log'
import { type OutboxWorker, startOutboxWorker } from '../../mail/outbox-worker'
import { createMailTransport } from '../../mail/transport'
import type { OpenedStore } from '../../store/store'
import type { Runtime } from '../runtime'

/** What the server does about emails: whether they are confirmed, and who sends the letters. */
export interface MailService {
  readonly confirmation: ConfirmationPolicy
  /** Begins to send what waits, and says in the log what is done. */
  start(): Promise<RunningMailService>
}

export interface RunningMailService {
  /** Waits for the letter under way for at most so many milliseconds; false when it still is. */
  stop(timeout: number): Promise<boolean>
}

/** How often accounts that nobody confirmed are looked for, in milliseconds. */
const cleanupInterval = 60 * 60_000

export function createMailService(
  { store, isShared }: { store: OpenedStore; isShared: boolean },
  tokens: Tokens,
  settings: Settings,
  runtime: Runtime,
  log: Log,
): MailService {
  const { mail, emailConfirmation } = settings
  const isRequired =
    emailConfirmation === 'required' || (emailConfirmation === 'auto' && mail !== null)
  let relay: OutboxWorker | null = null
  const emailQueue =
    isRequired && mail !== null ? createEmailQueue({ ...runtime, wake: () => relay?.wake() }) : null

  return {
    confirmation: { isRequired, emailQueue },

    async start() {
      log.info(
        isRequired
          ? `email confirmation is on: ${mail === null ? 'an operator confirms each account' : 'an account is confirmed by the link in a letter'}`
          : 'email confirmation is off: sign-ups are confirmed at once',
      )
      if (mail !== null) {
        // Whoever was sending when this server ended was this server.
        if (!isShared) await store.write((tx) => tx.outbox.releaseAllLeases(runtime.clock()))
        relay = startOutboxWorker({
          store,
          log,
          ...runtime,
          transport: createMailTransport(mail),
          tokens,
          linkMinutes: settings.linkMinutes,
        })
        const queued = await store.read((tx) => tx.outbox.countQueued())
        log.info(`mail goes through ${mail.host}:${mail.port}; letters that wait: ${queued}`)
        log.info(
          settings.publicUrl === null
            ? 'links in letters lead to the address of this machine that people use; SNAILPASS_PUBLIC_URL names another'
            : `links in letters lead to ${settings.publicUrl.href}`,
        )
      }
      const cleanup = isRequired ? startCleanup(store, settings, runtime, log) : null
      return {
        async stop(timeout) {
          const [isOver] = await Promise.all([relay?.stop(timeout), cleanup?.stop()])
          return isOver !== false
        },
      }
    },
  }
}

/** Removes accounts that were never confirmed, now and every hour. */
function startCleanup(store: OpenedStore, settings: Settings, runtime: Runtime, log: Log) {
  const stopping = new AbortController()
  const removeExpired = async () => {
    try {
      const removed = await removeUnconfirmed({ store, ...runtime }, settings.unconfirmedDays)
      if (removed > 0) log.info(`removed accounts that were never confirmed: ${removed}`)
    } catch (error) {
      log.warn(`accounts that were never confirmed can't be removed now: ${errorMessage(error)}`)
    }
  }
  const run = async () => {
    while (settings.unconfirmedDays > 0 && !stopping.signal.aborted) {
      await removeExpired()
      // Rejects when the server stops.
      await runtime.wait(cleanupInterval, stopping.signal).catch(() => {})
    }
  }
  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}
