import type { Clock, Random } from './runtime'
import type { WriteTransaction } from './store'
import type { User } from './user'

/** What a letter is about, and to whom it goes by that. */
export type EmailMessageTopic =
  | { readonly kind: 'confirmation'; readonly userId: string }
  /** The address that may sign up. */
  | { readonly kind: 'invitation'; readonly invitation: string }

/**
 * A letter that waits. It says to whom and about what; link and text are made when it is sent, so that no token
 * lies in the database, and a link lives from then on.
 */
export type EmailMessage = EmailMessageTopic & {
  readonly id: string
  /** Where the link of the letter leads: the server as its reader reaches it, with a slash at the end. */
  readonly baseUrl: string
  /** Milliseconds since 1970 (UTC). */
  readonly creationTime: number
}

/** A letter as an operator sees it. */
export type EmailMessageStatus = EmailMessage & {
  readonly email: string
  /** Sending: a relay has it, or had it when it died. Dead: nobody tries any more. */
  readonly state: 'queued' | 'sending' | 'dead'
  readonly attempts: number
  /** When the next attempt is due. Milliseconds since 1970 (UTC). */
  readonly nextTime: number
  /** Why the last attempt failed, null when none did. */
  readonly reason: string | null
}

/** A letter that is one relay's to send, for as long as its lease lasts. */
export type LeasedEmailMessage = EmailMessage & {
  readonly email: string
  /** The attempts so far, this one included. */
  readonly attempts: number
  /** Proof of the lease: another relay's is another one. */
  readonly lease: string
}

/** How often an account may ask for another letter, in milliseconds (contract). */
const confirmationEmailInterval = 5 * 60_000

/** Puts letters into the outbox: in the transaction that they belong to, so that both are there or neither. */
export interface EmailQueue {
  /** Asks whoever reads the mail of an account that is not confirmed to confirm it, unless it was asked less than five minutes ago. */
  queueConfirmation(tx: WriteTransaction, user: User, baseUrl: () => string): Promise<void>
  /** Tells an address that it may sign up, and where. In the place of a letter that told it before. */
  queueInvitation(tx: WriteTransaction, email: string, baseUrl: () => string): Promise<void>
  /** Has the relay look, once the transaction is committed. */
  wake(): void
}

export function createEmailQueue(deps: {
  clock: Clock
  random: Random
  wake: () => void
}): EmailQueue {
  const { clock, random, wake } = deps

  const enqueue = (tx: WriteTransaction, topic: EmailMessageTopic, baseUrl: string) =>
    tx.outbox.put({ ...topic, id: random(8).toHex(), baseUrl, creationTime: clock() })

  return {
    async queueConfirmation(tx, user, baseUrl) {
      const now = clock()
      const isDue = await tx.users.claimConfirmationEmail(user.id, {
        now,
        unlessRequestedSince: now - confirmationEmailInterval,
      })
      if (!isDue) return
      await enqueue(tx, { kind: 'confirmation', userId: user.id }, baseUrl())
    },

    queueInvitation: (tx, email, baseUrl) =>
      enqueue(tx, { kind: 'invitation', invitation: email }, baseUrl()),

    wake,
  }
}
