import type { Settings } from '../config/settings'
import type { Confirmation } from '../domain/email-confirmation'
import { reasonOf } from '../domain/errors'
import { createLetters } from '../domain/outbox'
import type { Tokens } from '../domain/tokens'
import { removeUnconfirmed } from '../domain/unconfirmed-accounts'
import type { Log } from '../log'
import { type Relay, startRelay } from '../mail/relay'
import { createMailTransport } from '../mail/transport'
import type { OpenedStore } from '../store/store'
import type { World } from './world'

/** What the server does about emails: whether they are confirmed, and who sends the letters. */
export interface Mailing {
  readonly confirmation: Confirmation
  /** Begins to send what waits, and says in the log what is done. */
  start(): Promise<RunningMailing>
}

export interface RunningMailing {
  /** Waits for the letter under way for at most so many milliseconds; false when it still is. */
  stop(patience: number): Promise<boolean>
}

/** How often accounts that nobody confirmed are looked for, in milliseconds. */
const cleaningPause = 60 * 60_000

export function createMailing(
  { store, isShared }: { store: OpenedStore; isShared: boolean },
  tokens: Tokens,
  settings: Settings,
  world: World,
  log: Log,
): Mailing {
  const { mail, emailConfirmation } = settings
  const isRequired =
    emailConfirmation === 'required' || (emailConfirmation === 'auto' && mail !== null)
  let relay: Relay | null = null
  const letters =
    isRequired && mail !== null ? createLetters({ ...world, wake: () => relay?.wake() }) : null

  return {
    confirmation: { isRequired, letters },

    async start() {
      log.info(
        isRequired
          ? `email confirmation is on: ${mail === null ? 'an operator confirms each account' : 'an account is confirmed by the link in a letter'}`
          : 'email confirmation is off: sign-ups are confirmed at once',
      )
      if (mail !== null) {
        // Whoever was sending when this server ended was this server.
        if (!isShared) await store.write((scope) => scope.outbox.releaseAll(world.clock()))
        relay = startRelay({
          store,
          log,
          ...world,
          transport: createMailTransport(mail),
          tokens,
          linkMinutes: settings.linkMinutes,
        })
        const waiting = await store.read((scope) => scope.outbox.countQueued())
        log.info(`mail goes through ${mail.host}:${mail.port}; letters that wait: ${waiting}`)
        log.info(
          settings.publicUrl === null
            ? 'links in letters lead to the address of this machine that people use; SNAILPASS_PUBLIC_URL names another'
            : `links in letters lead to ${settings.publicUrl.href}`,
        )
      }
      const cleaning = isRequired ? startCleaning(store, settings, world, log) : null
      return {
        async stop(patience) {
          const [isOver] = await Promise.all([relay?.stop(patience), cleaning?.stop()])
          return isOver !== false
        },
      }
    },
  }
}

/** Removes accounts that were never confirmed, now and every hour. */
function startCleaning(store: OpenedStore, settings: Settings, world: World, log: Log) {
  const stopping = new AbortController()
  const clean = async () => {
    try {
      const removed = await removeUnconfirmed({ store, ...world }, settings.unconfirmedDays)
      if (removed > 0) log.info(`removed accounts that were never confirmed: ${removed}`)
    } catch (error) {
      log.warn(`accounts that were never confirmed can't be removed now: ${reasonOf(error)}`)
    }
  }
  const run = async () => {
    while (settings.unconfirmedDays > 0 && !stopping.signal.aborted) {
      await clean()
      // Rejects when the server stops.
      await world.wait(cleaningPause, stopping.signal).catch(() => {})
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
