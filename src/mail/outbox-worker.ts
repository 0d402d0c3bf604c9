import type { LeasedEmailMessage } from '../domain/email-message'
import { errorMessage } from '../domain/errors'
import type { Clock, Random, Wait } from '../domain/runtime'
import type { Store } from '../domain/store'
import type { Tokens } from '../domain/tokens'
import type { Log } from '../log'
import { type RenderedEmail, renderConfirmationEmail, renderInvitationEmail } from './messages'
import { MailFault, type MailTransport } from './transport'

const minute = 60_000
const hour = 60 * minute

/** How long an attempt may take; a server that drips its answers would keep the others waiting. */
const attemptTimeout = 6 * minute

/** Longer than an attempt can take: nobody else takes the letter up while it is under way. */
const leaseDuration = 7 * minute

/** The pause after the first failed attempt doubles with each further one, up to the longest. */
const initialRetryDelay = minute
const maxRetryDelay = 6 * hour

/** A letter that could not be handed over for so long is dead; and not before so many attempts, for a clock may leap. */
const maxMessageAge = 48 * hour
const minAttempts = 8

/** How long the relay sleeps at most: letters of other servers' accounts come without a wake-up. */
const maxPollInterval = 30_000
const minPollInterval = 1_000

export interface OutboxWorker {
  /** Has it look into the outbox now. */
  wake(): void
  /**
   * Takes no further letter, and waits for the one under way for at most so many milliseconds. False when it is
   * still under way: its lease ends by itself.
   */
  stop(timeout: number): Promise<boolean>
}

/**
 * Empties the outbox, one letter at a time, for as long as it is not stopped. A letter goes from the outbox once the
 * mail server has taken it: a crash in between is the one way in which it is sent twice.
 */
export function startOutboxWorker(deps: {
  store: Store
  transport: MailTransport
  tokens: Tokens
  clock: Clock
  random: Random
  wait: Wait
  log: Log
  /** Life of a link, in minutes. */
  linkMinutes: number
}): OutboxWorker {
  const { store, clock, random, log } = deps
  const stopping = new AbortController()
  let sleeper = new AbortController()
  let isWoken = false

  const sleep = async (milliseconds: number): Promise<void> => {
    sleeper = new AbortController()
    const signal = AbortSignal.any([sleeper.signal, stopping.signal])
    // Either way it is time to look.
    await deps.wait(milliseconds, signal).catch(() => {})
  }

  /** Letters that were handed over while the database could not be told: they must not go out again. */
  const sentIds = new Set<string>()

  const attempt = async (message: LeasedEmailMessage): Promise<void> => {
    if (!sentIds.has(message.id) && !(await trySend(message))) return
    sentIds.add(message.id)
    await store.write((tx) => tx.outbox.delete(message))
    sentIds.delete(message.id)
    log.info('letter sent', { letter: message.id, attempts: message.attempts })
  }

  const trySend = async (message: LeasedEmailMessage): Promise<boolean> => {
    try {
      const rendered = await render(message, deps)
      const id = `${message.id}.${message.attempts}`
      await withTimeout(deps.transport.send({ ...rendered, to: message.email, id }))
      return true
    } catch (error) {
      await recordFailure(message, error)
      return false
    }
  }

  const withTimeout = async (sending: Promise<unknown>): Promise<void> => {
    const timer = new AbortController()
    const late = deps.wait(attemptTimeout, timer.signal).then(() => {
      throw new Error('the mail server took longer than six minutes')
    })
    // Whichever is second is nobody's any more.
    for (const either of [sending, late]) either.catch(() => {})
    await Promise.race([sending, late]).finally(() => timer.abort())
  }

  const recordFailure = async (message: LeasedEmailMessage, error: unknown): Promise<void> => {
    const now = clock()
    const reason = errorMessage(error)
    const isTooOld = now - message.creationTime >= maxMessageAge && message.attempts >= minAttempts
    const isDead = isTooOld || (error instanceof MailFault && error.isPermanent)
    // Mail servers repeat the address, which is nobody's but its owner's.
    const redacted = reason.replaceAll(message.email, 'the address')
    const fields = { letter: message.id, attempts: message.attempts, reason: redacted }
    if (isDead) {
      await store.write((tx) => tx.outbox.markDead(message, reason))
      log.error('letter given up', undefined, fields)
      return
    }
    const nextTime = now + retryDelay(message.attempts, random)
    await store.write((tx) => tx.outbox.postpone(message, { nextTime, reason }))
    log.warn('letter not sent yet', fields)
  }

  /** One letter, if one is due. Answers how long nothing is to be done. */
  const processNext = async (): Promise<number> => {
    const now = clock()
    const lease = {
      id: random(16).toHex(),
      now,
      until: now + leaseDuration,
      latest: now + 2 * maxRetryDelay,
    }
    const message = await store.write((tx) => tx.outbox.lease(lease))
    if (message !== null) {
      await attempt(message)
      return 0
    }
    const next = await store.read((tx) => tx.outbox.findNextTime())
    if (next === null) return maxPollInterval
    // What is due and could not be had is in somebody else's hands for a moment.
    return Math.min(maxPollInterval, Math.max(minPollInterval, next - clock()))
  }

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      isWoken = false
      let delay: number
      try {
        delay = await processNext()
      } catch (error) {
        // A database that is away comes back, and the lease of a letter under way ends.
        log.warn(`the outbox is out of reach at present: ${errorMessage(error)}`)
        delay = maxPollInterval
      }
      if (delay > 0 && !isWoken && !stopping.signal.aborted) await sleep(delay)
    }
  }
  const running = run()

  return {
    wake() {
      isWoken = true
      sleeper.abort()
    },
    async stop(timeout) {
      stopping.abort()
      const timer = new AbortController()
      const late = deps.wait(timeout, timer.signal).then(
        () => false,
        () => true,
      )
      const isOver = await Promise.race([running.then(() => true), late])
      timer.abort()
      return isOver
    },
  }
}

async function render(
  message: LeasedEmailMessage,
  { tokens, linkMinutes }: { tokens: Tokens; linkMinutes: number },
): Promise<RenderedEmail> {
  const { email, baseUrl } = message
  switch (message.kind) {
    case 'confirmation': {
      const claims = { purpose: 'confirmation', userId: message.userId, email } as const
      const token = await tokens.issue(claims, linkMinutes * 60)
      const link = new URL(`confirm/${token}`, baseUrl).href
      return renderConfirmationEmail({ email, link, minutes: linkMinutes })
    }
    case 'invitation':
      return renderInvitationEmail({ email, address: baseUrl })
  }
}

/** Half of each pause is chance, so that a crowd of letters does not come back as a crowd. Milliseconds. */
export function retryDelay(attempts: number, random: Random): number {
  const delay = Math.min(maxRetryDelay, initialRetryDelay * 2 ** Math.min(attempts - 1, 20))
  const [high = 0, low = 0] = random(2)
  return Math.round(delay * (0.75 + ((high * 256 + low) / 65_536) * 0.5))
}
