import type { Loop } from '../../background'
import type { Settings } from '../../config/settings'
import type { ClockWatch } from '../../domain/clock-watch'
import type { ConfirmationPolicy } from '../../domain/email-confirmation'
import { createEmailQueue } from '../../domain/outbox'
import type { Store } from '../../domain/store'
import type { Tokens } from '../../domain/tokens'
import type { Log } from '../../log'
import { startOutboxWorker } from '../../mail/outbox-worker'
import type { MailServer } from '../../mail/transport'
import { openMailTransport } from '../mail-transport'
import type { Runtime } from '../runtime'

/** Email in a running server: whether accounts must confirm their address, and the worker that sends queued emails. */
export interface MailService {
  readonly confirmation: ConfirmationPolicy
  /** Starts to send queued emails. */
  start(): RunningMailService
}

export interface RunningMailService {
  /** Waits at most `timeout` milliseconds for the email that is being sent. Returns false if it still is. */
  stop(timeout: number): Promise<boolean>
}

/**
 * Prepares the outbox and logs how mail is set up; nothing is sent before `start`. Throws a DomainError when the
 * database or SNAILPASS_MAIL_CA can't be used.
 */
export async function createMailService(deps: {
  store: Store
  /** Whether other servers may be sending emails from the same outbox. */
  isShared: boolean
  tokens: Tokens
  clockWatch: ClockWatch
  settings: Settings
  runtime: Runtime
  log: Log
}): Promise<MailService> {
  const { store, isShared, tokens, clockWatch, settings, runtime, log } = deps
  const { mail, emailConfirmation } = settings
  const isRequired =
    emailConfirmation === 'required' || (emailConfirmation === 'auto' && mail !== null)
  const transport = mail === null ? null : openMailTransport(mail)
  let worker: Loop | null = null
  const emailQueue =
    isRequired && mail !== null
      ? createEmailQueue({ ...runtime, wake: () => worker?.wake() })
      : null
  if (mail !== null && !isShared) {
    // No other server uses this outbox, so every lease is from an earlier run of this one.
    await store.write((tx) => tx.outbox.releaseAllLeases(runtime.clock()))
  }
  log.info(`email confirmation: ${describeConfirmation(isRequired, mail)}`)
  if (mail !== null) await logMailSettings(mail, deps)

  return {
    confirmation: { isRequired, emailQueue },

    start() {
      if (transport !== null) {
        const { linkMinutes } = settings
        worker = startOutboxWorker({
          ...{ store, tokens, ...runtime, log, transport, linkMinutes },
          clockWatch,
        })
      }
      return { stop: async (timeout) => (await worker?.stop(timeout)) ?? true }
    },
  }
}

async function logMailSettings(
  { host, port }: MailServer,
  deps: { store: Store; settings: Settings; log: Log },
): Promise<void> {
  const { store, log } = deps
  const { publicUrl } = deps.settings
  const { queued } = await store.read((tx) => tx.outbox.countByState())
  log.info(`sending email through ${host}:${port}`, { queued })
  log.info(
    publicUrl === null
      ? 'links in emails use the address at which a client reached this server; set SNAILPASS_PUBLIC_URL to change that'
      : `links in emails begin with ${publicUrl.href}`,
  )
}

function describeConfirmation(isRequired: boolean, mail: MailServer | null): string {
  if (!isRequired) return 'off'
  return mail === null ? 'required, by an operator' : 'required, by a link in an email'
}
