/**
 * Sending queued email: the worker that empties the outbox, the messages, and their way to a mail server by SMTP. What
 * is queued, and when, is for `src/domain/outbox.ts`.
 */
import { type Loop, startLoop } from '../background'
import type { ClockWatch } from '../domain/clock-watch'
import type { LeasedEmailMessage } from '../domain/email-message'
import { isOlder } from '../domain/known-time'
import { type Clock, type Random, type Wait, withTimeout } from '../domain/runtime'
import type { Store } from '../domain/store'
import type { Tokens } from '../domain/tokens'
import type { Log } from '../log'
import { withoutAddress } from './addresses'
import { MailFault } from './mail-fault'
import type { RenderedEmail } from './messages'
import type { MailTransport } from './transport'

const minute = 60_000
const hour = 60 * minute

/** Milliseconds that an attempt may take. A server that answers byte by byte would hold up all other emails. */
const attemptTimeout = 6 * minute

/** Longer than an attempt can take, so that no two workers send the same email. */
const leaseDuration = 7 * minute

/** The delay after the first failed attempt. It doubles with each further one, up to the maximum. */
const initialRetryDelay = minute
const maxRetryDelay = 6 * hour

/**
 * An email that could not be sent for this long is dead, but not before so many attempts: a clock that jumps ahead must
 * not end an email after its first one.
 */
const maxMessageAge = 48 * hour
const minAttempts = 8

/** More attempts than fit into 48 hours. They end an email whose age is unknown because a clock was wrong. */
const maxAttempts = 24

/**
 * Milliseconds between two looks into the outbox while nothing is due. Commands such as `mail retry` and other servers queue
 * emails without waking this worker.
 */
const pollInterval = 1_000

/** Milliseconds until the next look after a fault of the database. */
const faultDelay = 30_000

/**
 * Sends the emails of the outbox, one at a time, until it is stopped. An email is deleted once the mail server has
 * accepted it; only a crash between the two sends it twice. `wake` makes the worker look into the outbox now. A stop
 * that times out leaves an attempt running, whose lease ends later.
 *
 * A MailFault postpones the email, or ends it if it is permanent. Any other error is a bug or a fault of the database:
 * the email stays queued and is due again once its lease ends.
 */
export function startOutboxWorker(deps: {
  store: Store
  transport: MailTransport
  tokens: Tokens
  clock: Clock
  clockWatch: Pick<ClockWatch, 'ageLimit'>
  random: Random
  wait: Wait
  log: Log
  /** How long a link works, in minutes. */
  linkMinutes: number
}): Loop {
  const { store, clock, clockWatch, random, wait, log } = deps

  /** Emails that were sent and could not be deleted because the database failed. They must not be sent again. */
  const sentIds = new Set<string>()

  const attempt = async (message: LeasedEmailMessage): Promise<void> => {
    if (!sentIds.has(message.id)) {
      const fault = await send(message, deps)
      if (fault !== null) return await recordFailure(message, fault)
    }
    sentIds.add(message.id)
    await store.write(async (tx) => {
      // Its link is valid from now on, however long it was queued, and the next email has to wait.
      if (message.kind === 'confirmation')
        await tx.users.recordConfirmationEmail(message.userId, clock())
      await tx.outbox.delete(message)
    })
    sentIds.delete(message.id)
    log.info('email sent', { id: message.id, attempts: message.attempts })
  }

  const recordFailure = async (message: LeasedEmailMessage, fault: MailFault): Promise<void> => {
    const now = clock()
    const reason = fault.message
    const { attempts, creationTime } = message
    const isOld = isOlder(creationTime, clockWatch.ageLimit(maxMessageAge))
    const isTooOld = (isOld && attempts >= minAttempts) || attempts >= maxAttempts
    // Mail servers repeat the address, which must not be in the log.
    const redacted = withoutAddress(reason, message.email)
    const fields = { id: message.id, attempts, about: fault.kind, reason: redacted }
    if (isTooOld || fault.isPermanent) {
      await store.write((tx) => tx.outbox.markDead(message, reason))
      log.error('email not sent, given up', undefined, fields)
      return
    }
    const nextTime = now + retryDelay(message.attempts, random)
    await store.write((tx) => tx.outbox.postpone(message, { nextTime, reason }))
    log.warn('email not sent, will be retried', fields)
  }

  /** Sends one email, if one is due. Returns the milliseconds until the next look. Only looks if none is due. */
  const processNext = async (): Promise<number> => {
    const now = clock()
    const latest = now + 2 * maxRetryDelay
    if (!(await store.readOne((tx) => tx.outbox.hasDue({ now, latest })))) return pollInterval
    const lease = {
      id: random(16).toHex(),
      now,
      until: now + leaseDuration,
      latest,
      canTakeOver: clockWatch.ageLimit(0) !== null,
    }
    const message = await store.write((tx) => tx.outbox.lease(lease))
    // Another worker has leased it, or may still be sending it.
    if (message === null) return pollInterval
    await attempt(message)
    return 0
  }

  const options = { name: 'sending queued email', wait, log, retryDelay: faultDelay }
  return startLoop(options, processNext)
}

/** Sends an email. Returns null, or why the mail server did not accept it. */
async function send(
  message: LeasedEmailMessage,
  deps: { transport: MailTransport; tokens: Tokens; linkMinutes: number; wait: Wait },
): Promise<MailFault | null> {
  const { transport, wait } = deps
  const rendered = await render(message, deps)
  const id = `${message.id}.${message.attempts}`
  try {
    await withTimeout(
      { wait, timeout: attemptTimeout, onTimeout: throwTimeout },
      transport.send({ ...rendered, to: message.email, id }),
    )
    return null
  } catch (error) {
    if (error instanceof MailFault) return error
    throw error
  }
}

function throwTimeout(): never {
  const reason = 'the mail server took longer than six minutes'
  throw new MailFault(reason, { kind: 'connection', isPermanent: false })
}

async function render(
  message: LeasedEmailMessage,
  { tokens, linkMinutes }: { tokens: Tokens; linkMinutes: number },
): Promise<RenderedEmail> {
  const { email, baseUrl, creationTime } = message
  const { renderConfirmationEmail, renderInvitationEmail, renderPasswordChangedEmail } =
    await import('./messages')
  switch (message.kind) {
    case 'confirmation': {
      const claims = { purpose: 'confirmation', userId: message.userId, email } as const
      const token = await tokens.issue(claims)
      const link = new URL(`confirm/${token}`, baseUrl).href
      return renderConfirmationEmail({ email, link, minutes: linkMinutes })
    }
    case 'password-changed':
      return renderPasswordChangedEmail({ email, address: baseUrl, time: creationTime })
    case 'invitation':
      return renderInvitationEmail({ email, address: baseUrl })
  }
}

/**
 * Returns the delay after so many failed attempts, in milliseconds. Half of it is random, so that many emails that
 * failed together are not retried together.
 */
export function retryDelay(attempts: number, random: Random): number {
  const delay = Math.min(maxRetryDelay, initialRetryDelay * 2 ** Math.min(attempts - 1, 20))
  const [high = 0, low = 0] = random(2)
  return Math.round(delay * (0.75 + ((high * 256 + low) / 65_536) * 0.5))
}
